//! Connecting: one SDK configuration, from which every region's clients are made.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, FrameworkMetadata, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder as HttpClient;
use aws_types::sdk_config::TimeSource;
use aws_types::service_config::ServiceConfigKey;
use thiserror::Error;

use super::attempt::CallObserver;
use super::identity::{self, CallerIdentity};
use super::members::{AwsMembers, ProbeRole};
use super::organization::AwsOrganization;
use super::reader::AwsReader;
use super::writer::AwsWriter;
use crate::aws::sdk::sdk_region;
use crate::clock::Clock;
use crate::cloud::CloudError;
use crate::config::{Aws, RecorderProbe, StaticCredentials};
use crate::domain::base::model::{Installation, Place, Region};
use crate::domain::base::untrusted::veiled;

/// How long a call may take, and how often it is repeated. The SDK sets no timeout for answers by
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// One attempt of a read.
    pub read_attempt: Duration,
    /// A read with all its attempts.
    pub read_operation: Duration,
    /// Attempts of a read.
    pub read_attempts: u32,
    /// The longest wait before the second attempt of a read; it doubles from there.
    pub backoff_first: Duration,
    /// A write, which has one attempt.
    pub write: Duration,
}

/// Attempts of a request in a member: probing is repeated anyway, and thousands of members are
/// behind one another.
const VISIT_ATTEMPTS: u32 = 2;

impl Default for Patience {
    /// AWS publishes no figures: a healthy read takes well under a second, so that three attempts
    /// with their waits fit into 45; a Put checks the template before it answers.
    fn default() -> Self {
        Self {
            read_attempt: Duration::from_secs(10),
            read_operation: Duration::from_secs(45),
            read_attempts: 3,
            backoff_first: Duration::from_secs(1),
            write: Duration::from_mins(1),
        }
    }
}

impl Patience {
    fn read_timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .operation_attempt_timeout(self.read_attempt)
            .operation_timeout(self.read_operation)
            .build()
    }

    fn read_retries(&self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.read_attempts)
            .with_initial_backoff(self.backoff_first)
    }

    fn write_timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder().operation_timeout(self.write).build()
    }
}

/// Why no connection may be used.
#[derive(Debug, Error)]
pub enum ConnectProblem {
    /// `AWS_ENDPOINT_URL*` or the profile would send requests elsewhere, unknown.
    #[error(
        "{service} would be sent to {url} by an AWS_ENDPOINT_URL variable or by the AWS profile; \
         name the address in aws.endpoint, or remove it"
    )]
    HiddenEndpoint {
        /// The service, as the SDK names it.
        service: &'static str,
        /// Where it would be sent.
        url: String,
    },
    /// The settings name no region.
    #[error("aws.regions is empty")]
    NoRegion,
}

/// The connection: credentials and rules that all clients share.
#[derive(Debug, Clone)]
pub struct AwsCloud {
    sdk: SdkConfig,
    /// The region that identifies the partition.
    home: Region,
    /// Where roles in members are assumed.
    sessions: Region,
    patience: Patience,
    observer: CallObserver,
}

impl AwsCloud {
    /// Finds credentials as the settings say. Nothing is sent yet, but a profile may read files or
    /// start a credential process.
    pub async fn connect(
        settings: &Aws,
        patience: Patience,
        observer: CallObserver,
    ) -> Result<Self, ConnectProblem> {
        let Aws { profile, expected_account: _, regions, endpoint } = settings;
        let home = regions.first().ok_or(ConnectProblem::NoRegion)?.clone();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(sdk_region(&home))
            .app_name(app_name())
            .framework_metadata(version())
            .time_source(SdkTime(observer.clock.clone()))
            .retry_config(patience.read_retries())
            .timeout_config(patience.read_timeouts());
        if let Some(profile) = profile {
            let provider = profile_credentials(profile, &home, patience);
            loader = loader.profile_name(profile).credentials_provider(provider);
        }
        if let Some(endpoint) = endpoint {
            // A simulated endpoint may send a `Date` of its own, and it checks no signatures.
            loader = loader.endpoint_url(&endpoint.url).disable_clock_skew_correction(true);
            if let Some(keys) = &endpoint.credentials {
                loader = loader.credentials_provider(static_credentials(keys));
            }
        }
        let sdk = loader.load().await;
        let sdk = match endpoint {
            // A proxy of the environment must never see what is meant for this machine.
            Some(_) => sdk.into_builder().http_client(HttpClient::new().build_http()).build(),
            None => refuse_hidden_endpoints(sdk)?,
        };
        let sessions = sessions_region(regions).unwrap_or(&home).clone();
        Ok(Self { sdk, home, sessions, patience, observer })
    }

    /// Reads of this place.
    pub fn reader(&self, place: &Place) -> AwsReader {
        let region = sdk_region(&place.region);
        let config = aws_sdk_config::config::Builder::from(&self.sdk).region(region.clone());
        let sts = aws_sdk_sts::config::Builder::from(&self.sdk).region(region);
        AwsReader::new(
            place.clone(),
            aws_sdk_config::Client::from_conf(config.build()),
            aws_sdk_sts::Client::from_conf(sts.build()),
            self.observer.clone(),
        )
    }

    /// Writes of this place.
    pub fn writer(&self, place: &Place) -> AwsWriter {
        let config = aws_sdk_config::config::Builder::from(&self.sdk)
            .region(sdk_region(&place.region))
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            .timeout_config(self.patience.write_timeouts())
            .build();
        let client = aws_sdk_config::Client::from_conf(config);
        AwsWriter::new(place.clone(), client, self.observer.clone())
    }

    /// Reads of the organization, at the one region of the partition that answers for it.
    pub fn organization(&self) -> AwsOrganization {
        let region = organization_region(&self.home);
        let config = aws_sdk_organizations::config::Builder::from(&self.sdk)
            .region(sdk_region(&region))
            .build();
        let client = aws_sdk_organizations::Client::from_conf(config);
        AwsOrganization::new(region, client, self.observer.clone())
    }

    /// The way into members of this partition, with the role that the settings name.
    pub fn members(
        &self,
        probe: &RecorderProbe,
        installation: &Installation,
        partition: &str,
    ) -> AwsMembers {
        let sdk = self
            .sdk
            .to_builder()
            .retry_config(self.patience.read_retries().with_max_attempts(VISIT_ATTEMPTS));
        let role = ProbeRole::new(probe, installation, partition);
        AwsMembers::new(sdk.build(), self.sessions.clone(), role, self.observer.clone())
    }

    /// Who the credentials belong to, asked in this region.
    pub async fn caller_identity(&self, region: &Region) -> Result<CallerIdentity, CloudError> {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).region(sdk_region(region));
        let client = aws_sdk_sts::Client::from_conf(config.build());
        identity::ask(&client, region, region, &self.observer).await
    }
}

/// The SDK uses conformd's clock for signatures and for the expiry of credentials.
#[derive(Debug, Clone)]
struct SdkTime(Clock);

impl TimeSource for SdkTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

fn app_name() -> AppName {
    AppName::new("conformd").expect("the name is made of letters")
}

fn version() -> FrameworkMetadata {
    FrameworkMetadata::new("conformd", Some(env!("CARGO_PKG_VERSION")))
        .expect("a version number is made of digits, dots and hyphens")
}

/// Keys of the environment would win over a profile in the SDK's default chain; a profile named in
/// the settings is meant.
fn profile_credentials(
    profile: &str,
    region: &Region,
    patience: Patience,
) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(Some(sdk_region(region)))
        .with_retry_config(patience.read_retries())
        .with_timeout_config(patience.read_timeouts());
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
}

fn static_credentials(keys: &StaticCredentials) -> Credentials {
    let StaticCredentials { access_key_id, secret_access_key } = keys;
    Credentials::new(access_key_id, secret_access_key, None, None, "settings")
}

/// Asks the SDK itself where it would send each service, so that no rule of its is missed:
/// variables, profiles, `services` sections and `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`.
fn refuse_hidden_endpoints(sdk: SdkConfig) -> Result<SdkConfig, ConnectProblem> {
    for service in ["Config Service", "Organizations", "STS"] {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .expect("all three parts of the key are given");
        let own = sdk.service_config().and_then(|settings| settings.load_config(key));
        let url = own.or_else(|| sdk.endpoint_url().map(str::to_owned));
        if let Some(url) = url.filter(|url| !url.is_empty()) {
            return Err(ConnectProblem::HiddenEndpoint { service, url: veiled(&url) });
        }
    }
    Ok(sdk)
}

/// The region in which roles in members are assumed. STS refuses in a region that the member has
/// not enabled, so a region that is enabled by default is used (AWS Account Management: "Regions").
/// A session is valid in every region.
fn sessions_region(regions: &BTreeSet<Region>) -> Option<&Region> {
    const DEFAULT_ENABLED_REGIONS: [&str; 17] = [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
    ];
    regions.iter().find(|region| DEFAULT_ENABLED_REGIONS.contains(&region.as_str()))
}

/// The region that answers for AWS Organizations in a partition (AWS Organizations: endpoints).
fn organization_region(region: &Region) -> Region {
    const HOMES: [(&str, &str); 6] = [
        ("cn-", "cn-northwest-1"),
        ("us-gov-", "us-gov-west-1"),
        ("us-isob-", "us-isob-east-1"),
        ("us-iso-", "us-iso-east-1"),
        ("eusc-", "eusc-de-east-1"),
        ("", "us-east-1"),
    ];
    let home = HOMES.into_iter().find(|(prefix, _)| region.as_str().starts_with(prefix));
    let home = home.map_or("us-east-1", |(_, home)| home);
    home.parse().expect("the table holds region names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_assumed_in_a_region_that_every_member_has() {
        let among = |names: &str| {
            let regions: BTreeSet<Region> =
                names.split(' ').map(|name| name.parse().unwrap()).collect();
            sessions_region(&regions).map(ToString::to_string)
        };
        assert_eq!(among("af-south-1 eu-west-1 us-east-1").as_deref(), Some("eu-west-1"));
        assert_eq!(among("af-south-1 me-south-1"), None);
    }

    #[test]
    fn the_organization_is_asked_where_its_partition_answers() {
        let home = |region: &str| organization_region(&region.parse().unwrap()).to_string();
        assert_eq!(home("eu-west-1"), "us-east-1");
        assert_eq!(home("cn-north-1"), "cn-northwest-1");
        assert_eq!(home("us-gov-east-1"), "us-gov-west-1");
        assert_eq!(home("us-isob-east-1"), "us-isob-east-1");
        assert_eq!(home("eusc-de-east-1"), "eusc-de-east-1");
    }
}
