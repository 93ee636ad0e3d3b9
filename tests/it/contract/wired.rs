//! The port over the wire: the real SDK against the simulator's HTTP face.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use conformd::aws::{
    AwsCloud, AwsMembers, AwsOrganization, AwsReader, AwsWriter, CallObserver, Patience,
};
use conformd::clock::Clock;
use conformd::cloud::{Attempt, AttemptObserver};
use conformd::config::{Aws, Endpoint, RecorderProbe, StaticCredentials};
use conformd::domain::base::model::{AccountId, Place};
use conformd::sim::http::options::Options;
use conformd::sim::http::serve;
use conformd::sim::simulation::Simulation;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Bed, Face, account, home};

/// A server for the world, and the SDK with the credentials of each account that asks.
pub(super) struct Wired {
    clouds: BTreeMap<AccountId, AwsCloud>,
    /// Ends with the face.
    _server: JoinSet<()>,
}

impl Face for Wired {
    type Reader = AwsReader;
    type Writer = AwsWriter;
    type Organization = AwsOrganization;
    type Members = AwsMembers;

    async fn open(bed: &Bed) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let simulation = Simulation::over(Arc::clone(&bed.world), bed.clock.clone());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, simulation, Options::default(), CancellationToken::new()));
        let mut clouds = BTreeMap::new();
        for caller in [account(0), account(1)] {
            clouds.insert(caller, connect(&caller, &url, bed.date_clock.clone()).await);
        }
        Self { clouds, _server: server }
    }

    fn reader(&self, place: &Place) -> AwsReader {
        self.clouds[&place.account].reader(place)
    }

    fn writer(&self, place: &Place) -> AwsWriter {
        self.clouds[&place.account].writer(place)
    }

    fn organization(&self, place: &Place) -> AwsOrganization {
        self.clouds[&place.account].organization()
    }

    fn members(&self, role: &str, external_id: Option<&str>) -> AwsMembers {
        let probe = RecorderProbe {
            role_name: role.parse().unwrap(),
            external_id: external_id.map(|id| id.parse().unwrap()),
            interval: Duration::from_mins(15),
        };
        self.clouds[&home().account].members(&probe, &"main".parse().unwrap(), "aws")
    }
}

async fn connect(caller: &AccountId, url: &str, clock: Clock) -> AwsCloud {
    let credentials = StaticCredentials {
        access_key_id: format!("AKIASIM{caller}"),
        secret_access_key: "any".to_owned(),
    };
    let settings = Aws {
        profile: None,
        expected_account: *caller,
        regions: [home().region].into(),
        endpoint: Some(Endpoint { url: url.to_owned(), credentials: Some(credentials) }),
    };
    let patience = Patience { backoff_first: Duration::from_millis(1), ..Patience::default() };
    let observer = CallObserver { observer: Arc::new(NobodyListens), clock };
    AwsCloud::connect(&settings, patience, observer).await.unwrap()
}

#[derive(Debug)]
struct NobodyListens;

impl AttemptObserver for NobodyListens {
    fn attempted(&self, _: &Attempt<'_>) {}
}
