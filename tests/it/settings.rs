//! The settings file: what is accepted, what is refused, and how it is said.

use std::path::Path;
use std::time::Duration;

use conformd::config::{
    self, Config, Http, IntervalSettings, Loaded, RateLimits, RecorderProbe, SourceLocation,
};
use conformd::domain::base::mode::Mode;
use conformd::domain::declared::diagnostic::Diagnostic;
use conformd::domain::declared::snapshot::{Absence, SourcePath};
use conformd::domain::plan::guard;
use conformd::domain::plan::redeploy::{AfterDeadline, Redeploy};
use proptest::prelude::*;

const MINIMAL: &str = "\
installation: main
mode: observe
aws:
  expectedAccountId: \"111122223333\"
  regions: [us-east-1, eu-west-1]
source:
  directory: {root: manifests}
";

const SHIPPED: &str = include_str!("../../config/conformd.yaml");

fn read(text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let path = SourcePath::new("conformd.yaml").unwrap();
    config::parse(&path, text, Path::new("/etc/conformd"))
}

fn good(text: &str) -> Config {
    read(text).unwrap().config
}

/// Everything that was found: the place and the rule, then what was found, expected and advised.
fn findings(text: &str) -> String {
    let findings = read(text).map_or_else(|found| found, |loaded| loaded.warnings);
    let shown = findings.iter().map(|finding| {
        let place = finding
            .span
            .map_or("whole file".to_owned(), |span| format!("{}:{}", span.line, span.column));
        let mut lines = vec![format!("{place} {} {}", finding.severity, finding.code)];
        lines.push(format!("  {}", finding.found));
        lines.extend(finding.expected.iter().map(|expected| format!("  want {expected}")));
        lines.extend(finding.hint.iter().map(|hint| format!("  hint {hint}")));
        lines.join("\n")
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// The minimal settings with these lines at their end.
fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}\n")
}

#[test]
fn the_smallest_settings_have_safe_defaults() {
    let config = good(MINIMAL);
    assert_eq!(config.mode, Mode::Observe);
    assert_eq!(config.intervals, IntervalSettings::default());
    assert_eq!(config.guard, guard::LossLimits::default());
    assert_eq!(config.limits, RateLimits::default());
    assert_eq!(config.http, Http::default());
    assert!(config.http.listen.ip().is_loopback());
    let SourceLocation::Directory { root, path, absence } = config.source;
    assert_eq!((&*root, &*path), (Path::new("/etc/conformd/manifests"), "."));
    assert_eq!(absence, Absence::Declared);
}

#[test]
fn what_absence_means_is_one_of_two_words_and_needs_a_restart() {
    let of = |word: &str| {
        let directory = format!("{{root: manifests, absence: {word}}}");
        read(&MINIMAL.replace("{root: manifests}", &directory))
    };
    for absence in [Absence::Declared, Absence::Atomic] {
        let config = of(absence.as_str()).unwrap().config;
        let SourceLocation::Directory { absence: found, .. } = &config.source;
        assert_eq!(*found, absence);
        let needs_restart = good(MINIMAL).changes_needing_restart(&config);
        assert_eq!(needs_restart.len(), usize::from(absence == Absence::Atomic));
    }
    for (word, hint) in [("atmoic", "did you mean atomic?"), ("true", ""), ("[]", "")] {
        let findings = of(word).unwrap_err();
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains("source.directory.absence is") && said[0].contains(hint),
            "{said:?}"
        );
    }
}

#[test]
fn the_shipped_file_is_accepted_without_a_word() {
    assert_eq!(read(SHIPPED).unwrap().warnings, []);
}

#[test]
fn the_shipped_file_documents_the_defaults_of_the_code() {
    let sections =
        ["intervals", "guard", "limits", "redeploy", "templates", "record", "metrics", "http"];
    let mut text = SHIPPED.to_owned();
    for section in sections {
        text = text.replace(&format!("{section}: {{}}"), &format!("{section}:"));
    }
    let (head, tail) = text.split_once("intervals:").unwrap();
    let shown = tail.replace("\n  # ", "\n  ");
    // Those that have no default.
    let shown = ["tokenFile", "metricsListen", "bucket", "prefix"]
        .iter()
        .fold(shown, |shown, field| shown.replace(&format!("  {field}"), &format!("  # {field}")));
    assert!(shown.contains("\n  fullResync: 6h") && shown.contains("\n  burst: 10"));
    let shown = good(&format!("{head}intervals:{shown}"));
    let defaults = good(SHIPPED);
    assert_eq!(shown, defaults);
    assert_eq!(shown.intervals, IntervalSettings::default());
    let fields = "source organization region inProgress requeue failureResync fullResync \
        ratioPercent namesPerWindow rulesMax rulesPercent exclusionsMax exclusionsPercent \
        excludedPercent overlapPercent remediations \
        readsPerSecond burst inFlight listen metricsListen tokenFile bucket prefix profile endpoint \
        roleName externalId interval afterDeadline cooldown retention stateDirectory labels";
    for field in fields.split(' ') {
        assert!(SHIPPED.contains(&format!(" {field}:")), "{field} is not in the shipped file");
    }
}

#[test]
fn the_record_is_where_the_settings_say_for_ninety_days_and_changes_with_a_restart() {
    let none = good(MINIMAL);
    let ninety = Duration::from_hours(90 * 24);
    assert_eq!((none.state_directory.clone(), none.record_retention), (None, ninety));
    let own = good(&with("stateDirectory: state\nrecord: {retention: 30d}"));
    assert_eq!(own.state_directory.as_deref(), Some(Path::new("/etc/conformd/state")));
    assert_eq!(own.record_retention, Duration::from_hours(30 * 24));
    assert_eq!(none.changes_needing_restart(&own), ["stateDirectory", "record.retention"]);
    insta::assert_snapshot!(findings(&with("record: {retention: 1d, size: 3}")), @r#"
    8:21 warning interval-clamped
      record.retention is "1d"; 2days is used instead
    8:25 error unknown-field
      record has no field "size"
      want one of retention
    "#);
}

#[test]
fn every_error_is_reported_at_once_with_its_place() {
    let text = "\
installation: Main
mode: destroy
aws:
  expectedAccountID: \"111122223333\"
  regions: [us-east-1, Ireland, 7]
  endpoint: {url: https://config.example.com}
source:
  git: {url: https://example.com/repo.git}
  directory: {path: [a]}
intervals: {region: 15, source: -5m, organization: 1e400, requeue: {first: 10m, max: 1m}}
guard: {ratioPercent: 101, namesPerWindow: 2.5}
limits: {burst: 0}
templates: {bucket: Upper_Case, remediations: allow}
http: {listen: localhost, token: secret}
rescu: {}
";
    insta::assert_snapshot!(findings(text), @r#"
    1:15 error malformed
      installation is "Main"
      want an installation id (1 to 32 lower-case letters, digits or hyphens, a letter first)
    2:7 error malformed
      mode is "destroy"
      want a mode (observe, upsert or sync)
    4:3 error unknown-field
      aws has no field "expectedAccountID"
      want one of profile, expectedAccountId, regions, endpoint
      hint did you mean expectedAccountId?
    4:3 error missing-field
      aws.expectedAccountId is missing
      want an account id (12 digits, in quotes)
    5:24 error malformed
      a region is "Ireland"
      want a region name such as eu-west-1
    5:33 error wrong-type
      a region is a number
      want a region name such as eu-west-1
      hint put it in quotes
    6:19 error endpoint-not-local
      aws.endpoint.url is "https://config.example.com"
      want an address on this machine, such as http://127.0.0.1:4599
      hint only a simulated AWS on this machine is allowed
    8:8 error unsupported
      source.git is not part of this version
      hint publish the repository into a directory, and use source.directory
    9:14 error missing-field
      source.directory.root is missing
      want a directory
    9:21 error wrong-type
      source.directory.path is a list
      want text
    10:21 error malformed
      intervals.region is 15
      want a length of time with its unit, such as 30s, 15m or 6h
    10:33 error malformed
      intervals.source is "-5m"
      want a length of time with its unit, such as 30s, 15m or 6h
    10:52 error malformed
      intervals.organization is 1e400
      want a length of time with its unit, such as 30s, 15m or 6h
    10:68 error malformed
      intervals.requeue.max is shorter than intervals.requeue.first
    11:23 error malformed
      guard.ratioPercent is 101
      want a whole number from 0 to 100
    11:44 error malformed
      guard.namesPerWindow is 2.5
      want a whole number from 0 to 1000
    12:17 error malformed
      limits.burst is 0
      want a whole number from 1 to 1000
    13:21 error malformed
      templates.bucket is "Upper_Case"
      want an S3 bucket name (3 to 63 lower-case letters, digits, dots, hyphens)
    13:47 error malformed
      templates.remediations is "allow"
      want allowed or forbidden
      hint did you mean allowed?
    14:16 error malformed
      http.listen is "localhost"
      want an address and a port, such as 127.0.0.1:9464
    14:27 error unknown-field
      http has no field "token"
      want one of listen, metricsListen, tokenFile
    15:1 error unknown-field
      the settings file has no field "rescu"
      want one of installation, mode, aws, source, intervals, guard, limits, templates, recorderProbe, redeploy, stateDirectory, record, metrics, http
    "#);
}

#[test]
fn what_is_missing_is_named() {
    insta::assert_snapshot!(findings("{}"), @r"
    whole file error missing-field
      installation is missing
      want an installation id (1 to 32 lower-case letters, digits or hyphens, a letter first)
    whole file error missing-field
      mode is missing
      want a mode (observe, upsert or sync)
    whole file error missing-field
      aws is missing
      want a mapping with expectedAccountId and regions
    whole file error missing-field
      source is missing
      want a mapping with the directory of the manifests
    ");
    insta::assert_snapshot!(findings("[]"), @r"
    1:1 error wrong-type
      the settings file is a list
      want a mapping
    ");
    insta::assert_snapshot!(findings(""), @r"
    1:1 error wrong-type
      the settings file is nothing (null)
      want a mapping
    ");
    insta::assert_snapshot!(findings(&MINIMAL.replace("[us-east-1, eu-west-1]", "[]")), @r"
    5:12 error malformed
      aws.regions is empty
      want at least one region
    ");
}

#[test]
fn text_that_is_no_yaml_is_refused_with_its_place() {
    insta::assert_snapshot!(findings("mode: [observe"), @r"
    1:7 error syntax
      this is not YAML: unclosed bracket '['
    ");
    insta::assert_snapshot!(findings("mode: sync\nmode: observe\n"), @r#"
    2:1 error duplicate-key
      the key "mode" occurs twice in one mapping
    "#);
    insta::assert_snapshot!(findings("mode: sync\n---\nmode: observe\n"), @r"
    3:1 error many-documents
      a second document begins here; settings are one document
    ");
    insta::assert_snapshot!(findings("a: &a [x, x]\nb: *a\nc: *undefined\n"), @r"
    1:4 error alias
      this is an anchor (`&`)
      hint write it out: anchors, aliases and merge keys are refused, as by CloudFormation
    2:4 error alias
      this is an alias (`*`)
      hint write it out: anchors, aliases and merge keys are refused, as by CloudFormation
    3:4 error alias
      this is an alias (`*`)
      hint write it out: anchors, aliases and merge keys are refused, as by CloudFormation
    ");
}

#[test]
fn an_account_id_without_quotes_is_a_number_and_refused() {
    let text = MINIMAL.replace("\"111122223333\"", "111122223333");
    insta::assert_snapshot!(findings(&text), @r"
    4:22 error wrong-type
      aws.expectedAccountId is a number
      want an account id (12 digits, in quotes)
      hint put it in quotes
    ");
}

#[test]
fn an_error_in_the_section_aws_does_not_make_a_simulated_aws_a_real_one() {
    let endpoint = "  endpoint: {url: \"http://127.0.0.1:4599\"}\nsource:";
    let text = with("intervals: {region: 2s}").replace("source:", endpoint);
    let text = text.replace("\"111122223333\"", "111122223333");
    assert!(!findings(&text).contains("interval-clamped"), "{}", findings(&text));
}

#[test]
fn a_region_that_is_not_known_is_noticed_and_accepted() {
    let warnings = |name: &str| {
        let loaded = read(&MINIMAL.replace("eu-west-1", name)).unwrap();
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let misspelt = warnings("us-esat-1");
    assert!(misspelt.contains("does not know the region us-esat-1"), "{misspelt}");
    assert!(misspelt.contains("did you mean us-east-1?"), "{misspelt}");
    // Nothing is like it.
    let new = warnings("xx-somewhere-1");
    assert!(new.contains("region-unknown") && !new.contains("did you mean"), "{new}");
    assert_eq!(warnings("eu-west-1"), "");
}

#[test]
fn the_mode_has_no_default() {
    insta::assert_snapshot!(findings(&MINIMAL.replace("mode: observe", "")), @r"
    whole file error missing-field
      mode is missing
      want a mode (observe, upsert or sync)
    ");
}

#[test]
fn a_period_out_of_range_is_clamped_with_a_warning() {
    let text =
        with("intervals: {source: 0s, region: 1s, fullResync: 100years, requeue: {max: 1s}}");
    insta::assert_snapshot!(findings(&text), @r#"
    8:21 warning interval-clamped
      intervals.source is "0s"; 1s is used instead
    8:33 warning interval-clamped
      intervals.region is "1s"; 30s is used instead
    8:49 warning interval-clamped
      intervals.fullResync is "100years"; 7days is used instead
    8:74 warning interval-clamped
      intervals.requeue.max is "1s"; 30s is used instead
    "#);
    let intervals = good(&with("intervals: {source: 0s, region: 1s}")).intervals;
    assert_eq!(intervals.source, Duration::from_secs(1));
    assert_eq!(intervals.region, Duration::from_secs(30));
}

#[test]
fn against_a_stand_in_of_aws_periods_may_be_short() {
    let endpoint = "  endpoint: {url: \"http://127.0.0.1:4599\"}\nsource:";
    let text = with("intervals: {region: 2s}").replace("source:", endpoint);
    let config = good(&text);
    assert_eq!(config.intervals.region, Duration::from_secs(2));
    assert_eq!(config.aws.endpoint.unwrap().url, "http://127.0.0.1:4599");
}

#[test]
fn only_this_machine_can_stand_in_for_aws() {
    let outcome = |url: &str| {
        let endpoint = format!("  endpoint: {{url: {url:?}}}\nsource:");
        read(&MINIMAL.replace("source:", &endpoint)).is_ok()
    };
    for url in ["http://127.0.0.1:4599", "http://[::1]:4599/", "http://localhost:1"] {
        assert!(outcome(url), "{url}");
    }
    for url in [
        "https://127.0.0.1:4599",
        "http://10.0.0.1:80",
        "http://127.0.0.1",
        "http://127.0.0.1:80/path",
        "http://localhost:0",
        "http://localhost:80@example.com",
        "http://localhost.example.com:80",
        "",
    ] {
        assert!(!outcome(url), "{url}");
    }
}

#[test]
fn keys_never_show_in_the_debug_form() {
    let credentials = "credentials: {accessKeyId: AKIDEXAMPLE, secretAccessKey: canary}";
    let endpoint = format!("  endpoint: {{url: \"http://[::1]:1\", {credentials}}}\nsource:");
    let config = good(&MINIMAL.replace("source:", &endpoint));
    let shown = format!("{config:?}");
    assert!(shown.contains("AKIDEXAMPLE") && !shown.contains("canary"));
}

#[test]
fn a_probe_and_redeploys_are_read_and_have_defaults() {
    let config = good(&with("recorderProbe: {roleName: Probe, externalId: 'a:b'}\nredeploy: {}"));
    let probe = RecorderProbe {
        role_name: "Probe".parse().unwrap(),
        external_id: Some("a:b".parse().unwrap()),
        interval: Duration::from_mins(10),
    };
    assert_eq!((config.recorder_probe, config.redeploy), (Some(probe), Redeploy::default()));
    let text = with(
        "recorderProbe: {roleName: /security/conformd/Probe, externalId: x/y+1, interval: 90s}\n\
         redeploy: {afterDeadline: always, cooldown: 2h}",
    );
    let config = good(&text);
    let probe = config.recorder_probe.unwrap();
    assert_eq!(probe.role_name.as_str(), "security/conformd/Probe");
    assert_eq!(probe.interval, Duration::from_secs(90));
    let redeploy =
        Redeploy { after_deadline: AfterDeadline::Always, cooldown: Duration::from_hours(2) };
    assert_eq!(config.redeploy, redeploy);
    let none = good(MINIMAL);
    assert_eq!((none.recorder_probe, none.redeploy), (None, Redeploy::default()));
}

#[test]
fn errors_of_probe_and_redeploy_name_their_place() {
    let text = with(
        "recorderProbe:\n  roleName: arn:aws:iam::111111111111:role/Probe\n  externalId: 7\n  \
         interval: 5s\n  region: eu-west-1\n\
         redeploy: {afterDeadline: recorderSeem, cooldown: 2}",
    );
    insta::assert_snapshot!(findings(&text), @r#"
    9:13 error malformed
      recorderProbe.roleName is "arn:aws:iam::111111111111:role/Probe"
      want the name of a role, with its path if it has one, such as conformd/RecorderProbe
      hint give the part after role/: the rest differs between accounts
    10:15 error wrong-type
      recorderProbe.externalId is a number
      want 2 to 1,224 ASCII letters, digits or any of _+=,.@:/-
      hint put it in quotes
    11:13 warning interval-clamped
      recorderProbe.interval is "5s"; 1m is used instead
    12:3 error unknown-field
      recorderProbe has no field "region"
      want one of roleName, externalId, interval
    13:27 error malformed
      redeploy.afterDeadline is "recorderSeem"
      want one of recorderSeen, always, never
      hint did you mean recorderSeen?
    13:51 error malformed
      redeploy.cooldown is 2
      want a length of time with its unit, such as 30s, 15m or 6h
    "#);
    let text = with("recorderProbe: {externalId: x}\nredeploy: never");
    insta::assert_snapshot!(findings(&text), @r#"
    8:16 error missing-field
      recorderProbe.roleName is missing
      want the name of a role, with its path if it has one, such as conformd/RecorderProbe
    8:29 error malformed
      recorderProbe.externalId is "x"
      want 2 to 1,224 ASCII letters, digits or any of _+=,.@:/-
    9:11 error wrong-type
      redeploy is text
      want a mapping
    "#);
}

#[test]
fn labels_of_metrics_are_names_that_prometheus_takes_and_that_are_free() {
    assert!(good(MINIMAL).pack_labels.is_empty());
    let labels = good(&with("metrics: {labels: [team, cost_center]}")).pack_labels;
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["cost_center", "team"]);
    let text = with("metrics: {labels: [example.com/team, pack, __name__, 7]}");
    insta::assert_snapshot!(findings(&text), @r#"
    8:20 error malformed
      metrics.labels has "example.com/team"
      want letters, digits and underscores, such as team; not pack, region, job, instance, severity or alertname
    8:38 error malformed
      metrics.labels has "pack"
      want letters, digits and underscores, such as team; not pack, region, job, instance, severity or alertname
    8:44 error malformed
      metrics.labels has "__name__"
      want letters, digits and underscores, such as team; not pack, region, job, instance, severity or alertname
    8:54 error wrong-type
      a key of metrics.labels is a number
      want letters, digits and underscores, such as team; not pack, region, job, instance, severity or alertname
      hint put it in quotes
    "#);
    insta::assert_snapshot!(findings(&with("metrics: {labels: [a, b, c, d, e, f]}")), @"
    8:19 error malformed
      metrics.labels has 6 keys
      want a list of at most 5 keys of metadata.labels
    ");
    insta::assert_snapshot!(findings(&with("metrics: {labels: team}")), @"
    8:19 error wrong-type
      metrics.labels is text
      want a list of at most 5 keys of metadata.labels
    ");
}

#[test]
fn a_probe_without_external_id_is_warned_of() {
    let text = with("recorderProbe: {roleName: conformd/Probe}");
    insta::assert_snapshot!(findings(&text), @"
    8:16 warning no-external-id
      recorderProbe.externalId is missing
      hint require an external id in the role's trust policy, so that no other party can access accounts through conformd
    ");
    assert!(good(&text).recorder_probe.is_some());
}

#[test]
fn role_names_and_external_ids_are_those_of_iam() {
    let accepts = |field: &str, value: &str| {
        let other = if field == "roleName" { "externalId: ok" } else { "roleName: ok" };
        read(&with(&format!("recorderProbe: {{{other}, {field}: {value:?}}}"))).is_ok()
    };
    let (name, path) = ("n".repeat(64), "p".repeat(510));
    for fits in ["a", "/a", "a/b/c", "A+=,.@-_0", &name, &format!("{path}/{name}")] {
        assert!(accepts("roleName", fits), "{fits}");
    }
    let (name, path) = ("n".repeat(65), "p".repeat(511));
    for unfit in ["", "/", "a/", "a//b", "a b", "a*", "ä", "a:b", &name, &format!("{path}/n")] {
        assert!(!accepts("roleName", unfit), "{unfit}");
    }
    for fits in ["ab", "://", "_+=,.@:/-", &"x".repeat(1_224)] {
        assert!(accepts("externalId", fits), "{fits}");
    }
    for unfit in ["", "a", "a b", "a*", "ää", &"x".repeat(1_225)] {
        assert!(!accepts("externalId", unfit), "{unfit}");
    }
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conformd.yaml");
    assert!(matches!(config::load(&file), Err(config::Unusable::Unreadable { .. })));
    std::fs::write(&file, MINIMAL).unwrap();
    let SourceLocation::Directory { root, .. } = config::load(&file).unwrap().config.source;
    assert_eq!(root, folder.path().join("manifests"));
    std::fs::write(&file, "mode: x").unwrap();
    let problem = config::load(&file).unwrap_err();
    assert!(problem.to_string().ends_with("has 4 errors"), "{problem}");
}

#[test]
fn a_reload_applies_what_it_can_and_names_what_needs_a_restart() {
    let old = good(MINIMAL);
    let reloadable = with(
        "intervals: {region: 5m}\nguard: {ratioPercent: 20}\ntemplates: {bucket: example}\n\
              redeploy: {cooldown: 2h}\nmetrics: {labels: [team]}",
    );
    let reloadable = reloadable.replace("observe", "sync").replace("eu-west-1", "eu-west-2");
    assert_eq!(old.changes_needing_restart(&good(&reloadable)), [""; 0]);
    let restart = with(
        "http: {listen: \"0.0.0.0:80\", metricsListen: \"[::]:81\", tokenFile: token}\nlimits: {burst: 5}\n\
         intervals: {source: 5m}\nrecorderProbe: {roleName: Probe, externalId: ab}",
    );
    let restart = restart
        .replace("main", "other")
        .replace("1111", "2222")
        .replace("aws:", "aws:\n  profile: security\n  endpoint: {url: \"http://[::1]:1\"}")
        .replace("root: manifests", "root: elsewhere");
    insta::assert_snapshot!(old.changes_needing_restart(&good(&restart)).join("\n"), @r"
    installation
    aws.profile
    aws.expectedAccountId
    aws.endpoint
    source
    intervals.source
    limits
    recorderProbe
    http.listen
    http.metricsListen
    http.tokenFile
    ");
}

#[test]
fn listeners_that_other_machines_reach_are_known_and_two_need_two_addresses() {
    let exposed = |http: &str| -> Vec<String> {
        let http = good(&with(&format!("http: {http}"))).http;
        http.exposed().map(|address| address.to_string()).collect()
    };
    assert_eq!(exposed("{}"), [""; 0]);
    assert_eq!(exposed("{listen: \"[::1]:1\", metricsListen: \"[::ffff:127.0.0.1]:2\"}"), [""; 0]);
    assert_eq!(exposed("{metricsListen: \"0.0.0.0:9465\"}"), ["0.0.0.0:9465"]);
    assert_eq!(exposed("{listen: \"10.0.0.1:1\", metricsListen: \"[::]:2\"}").len(), 2);
    let free = "{listen: \"127.0.0.1:0\", metricsListen: \"127.0.0.1:0\"}";
    assert_eq!(exposed(free), [""; 0]);
    let twice = with("http: {metricsListen: \"127.0.0.1:9464\"}");
    insta::assert_snapshot!(findings(&twice), @"
    8:23 error listen-twice
      http.metricsListen is 127.0.0.1:9464, as http.listen is
      hint leave it out: metrics are then at http.listen
    ");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", place in 0..MINIMAL.len()) {
        let (head, tail) = MINIMAL.split_at(place);
        drop(read(&text));
        drop(read(&format!("{head}{text}{tail}")));
    }

    #[test]
    fn no_length_of_time_makes_the_reader_panic_or_leaves_the_range(text in "-?[0-9a-z .]{0,12}") {
        if let Ok(loaded) = read(&with(&format!("intervals: {{region: {text:?}}}"))) {
            let region = loaded.config.intervals.region;
            prop_assert!(region >= Duration::from_secs(30));
            prop_assert!(region <= Duration::from_hours(7 * 24));
        }
    }
}
