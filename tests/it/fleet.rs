//! Fifty packs from published templates in three regions: from files to a settled organization.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::Template;

use crate::support::process::{Aws, Scene, Settings};
use crate::templates::corpus;

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];
const PACKS: usize = 50;
/// AWS Config quota: rules per account and region.
const RULES_MAX: usize = 1_000;
/// AWS Config API: bytes of a template that is sent inline, less those of the marker.
const BYTES_MAX: usize = 51_200 - 60;
/// Packs of at most this many rules go to every region.
const SMALL: usize = 8;

/// A pack of the fleet.
struct Pack {
    name: String,
    file: String,
    regions: Vec<&'static str>,
    /// Parameters without a default, each with a value.
    parameters: BTreeMap<String, String>,
    /// A parameter that can be changed.
    optional: Option<String>,
}

impl Pack {
    fn manifest(&self) -> String {
        let Self { name, file, regions, parameters, optional: _ } = self;
        let regions = regions.join(", ");
        let mut text = format!(
            "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
             metadata: {{name: {name}}}\nspec:\n  template: {{file: ../templates/{file}}}\n  \
             regions: [{regions}]\n"
        );
        if !parameters.is_empty() {
            text.push_str("  parameters:\n");
        }
        for (name, value) in parameters {
            writeln!(text, "    {name}: {value:?}").unwrap();
        }
        text
    }
}

/// Fifty packs, spread so that no region holds too many rules; the templates they use.
fn fleet(corpus: &[(String, String)]) -> Vec<Pack> {
    let mut templates: Vec<(usize, &str, Template)> = corpus
        .iter()
        .filter(|(_, text)| text.len() <= BYTES_MAX)
        .map(|(file, text)| {
            let (template, _) = Template::parse(&SourcePath::new(file).unwrap(), text).unwrap();
            (template.census.rules as usize, file.as_str(), template)
        })
        .collect();
    templates.sort_by_key(|(rules, file, _)| (*rules, *file));
    templates.truncate(PACKS);
    let mut sums: BTreeMap<&'static str, usize> = BTreeMap::new();
    // The largest first: what is left over is small enough to fit somewhere.
    let packs = templates.into_iter().rev().enumerate().map(|(number, (rules, file, template))| {
        let emptiest = REGIONS.into_iter().min_by_key(|region| sums.get(region).copied());
        let regions =
            if rules <= SMALL { REGIONS.to_vec() } else { emptiest.into_iter().collect() };
        for region in &regions {
            *sums.entry(region).or_default() += rules;
        }
        let required = &template.census.required;
        let value = |name: &String| (name.clone(), value(name).to_owned());
        Pack {
            name: format!("fleet-{number:02}"),
            file: file.to_owned(),
            regions,
            parameters: required.iter().map(value).collect(),
            optional: template.census.parameters.difference(required).next().cloned(),
        }
    });
    let packs: Vec<Pack> = packs.collect();
    assert!(sums.values().all(|rules| *rules <= RULES_MAX), "{sums:?}");
    assert_eq!(packs.len(), PACKS);
    packs
}

/// A value for a parameter that has no default.
fn value(parameter: &str) -> &'static str {
    if parameter.contains("Arn") {
        "arn:aws:sns:us-east-1:111111111111:findings"
    } else {
        "findings-111111111111"
    }
}

/// Settings under which every published template may be delivered.
fn settings(mode: &'static str) -> Settings {
    let more = "templates: {remediations: allowed}\n".to_owned();
    Settings { mode, more, ..Settings::default() }
}

/// Writes the fleet's files; every pack as `region/name`.
fn write(scene: &Scene, packs: &[Pack], corpus: &[(String, String)]) -> BTreeSet<String> {
    scene.set(&settings("sync"));
    for (file, text) in corpus {
        scene.write(&format!("templates/{file}"), text);
    }
    for pack in packs {
        scene.write(&format!("packs/{}.yaml", pack.name), &pack.manifest());
    }
    let places = packs
        .iter()
        .flat_map(|pack| pack.regions.iter().map(|region| format!("{region}/{}", pack.name)));
    places.collect()
}

/// How many calls about packs each region got after this request; those about their members are
/// counted in `tracking`.
fn calls(aws: &Aws, after: u64) -> BTreeMap<String, usize> {
    let requests = aws.requests(after);
    let config = requests.iter().filter(|one| {
        one.operation.contains("ConformancePack") && !one.operation.ends_with("DetailedStatus")
    });
    config.fold(BTreeMap::new(), |mut calls, request| {
        *calls.entry(request.region.clone()).or_default() += 1;
        calls
    })
}

/// Changes one parameter of a pack that several regions hold; the Puts this should lead to.
fn change(scene: &Scene, packs: &mut [Pack], to: &str) -> Vec<String> {
    let pack = packs.iter_mut().find(|one| one.optional.is_some() && one.regions.len() > 1);
    let pack = pack.unwrap();
    pack.parameters.insert(pack.optional.clone().unwrap(), to.to_owned());
    scene.write(&format!("packs/{}.yaml", pack.name), &pack.manifest());
    let mut puts: Vec<String> =
        pack.regions.iter().map(|region| format!("Put {region} {}", pack.name)).collect();
    puts.sort_unstable();
    puts
}

fn two_each() -> BTreeMap<String, usize> {
    REGIONS.into_iter().map(|region| (region.to_owned(), 2)).collect()
}

#[test]
fn fifty_packs_are_validated_planned_applied_and_left_in_peace() {
    let Some(corpus) = corpus() else { return };
    let scene = Scene::new();
    let mut packs = fleet(&corpus);
    let places = write(&scene, &packs, &corpus);
    let regions = REGIONS.join(",");
    let arguments = ["validate", "packs", "--regions", &regions, "--allow-remediations"];
    let validated = scene.alone(&arguments).expect(0);
    assert!(validated.stdout.contains("ok: 50 packs"), "{}", validated.stdout);
    assert!(scene.aws.requests(0).is_empty(), "validate is offline");

    let planned = scene.run(&["plan", "--detailed-exitcode"]).expect(2);
    let summary = format!("Plan: {} to create, 0 to update, 0 to delete.", places.len());
    assert_eq!(planned.stdout.lines().last(), Some(summary.as_str()));
    assert!(scene.aws.mutations(0).is_empty(), "plan writes nothing");

    scene.run(&["apply", "--yes"]).expect(0);
    assert_eq!(scene.aws.packs().into_iter().collect::<BTreeSet<_>>(), places);

    let mark = scene.aws.mark();
    let again = scene.run(&["apply", "--yes"]).expect(0);
    assert!(again.stdout.contains("No changes."), "{}", again.stdout);
    assert_eq!(calls(&scene.aws, mark), two_each());

    let mark = scene.aws.mark();
    let puts = change(&scene, &mut packs, "1");
    scene.run(&["plan", "--detailed-exitcode"]).expect(2);
    scene.run(&["apply", "--yes"]).expect(0);
    assert_eq!(scene.aws.mutations(mark), puts);
}

#[test]
fn fifty_packs_are_kept_by_the_daemon_with_two_calls_a_region_and_one_put_a_change() {
    let Some(corpus) = corpus() else { return };
    let scene = Scene::new();
    let mut packs = fleet(&corpus);
    let places = write(&scene, &packs, &corpus);
    let daemon = scene.daemon();
    daemon.synced(3);
    assert_eq!(scene.aws.packs().into_iter().collect::<BTreeSet<_>>(), places);
    assert_eq!(scene.aws.mutations(0).len(), places.len(), "one Put a pack and region");

    let mark = scene.aws.mark();
    daemon.look_again(&REGIONS);
    assert_eq!(calls(&scene.aws, mark), two_each());
    assert!(scene.aws.mutations(mark).is_empty());

    let mark = scene.aws.mark();
    let puts = change(&scene, &mut packs, "1");
    daemon.program.eventually("put", || (scene.aws.mutations(mark) == puts).then_some(()));
    daemon.look_again(&REGIONS);
    assert_eq!(scene.aws.mutations(mark), puts);
    let ended = daemon.stop().expect(0);
    assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);

    // Another process, which remembers nothing, finds nothing to do.
    scene.set(&settings("upsert"));
    let mark = scene.aws.mark();
    let daemon = scene.daemon();
    daemon.synced(3);
    assert!(scene.aws.mutations(mark).is_empty());
    daemon.stop().expect(0);
}
