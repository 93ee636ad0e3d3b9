//! A world that the first release deployed: packs whose templates were sent with one line inserted
//! instead of rendered. Their markers say what they are, and nothing is put again.

use conformd::domain::base::model::{DeletionPolicy, Marker, PackName};
use conformd::sim::event::{ExternalPut, WorldEvent};

use crate::support::lab::manifests::{Manifest, file};
use crate::support::lab::{Lab, Setting, hours};

/// The digest of `Manifest::new("cis")`'s template, as version 0.1.0 computed it.
const DIGEST: &str = "50381cce81efe8d01a4c9e680cfa453d";

/// A lab in which the first release put this manifest's template, as it was sent then.
fn put_by_the_first_release(manifest: &Manifest) -> Lab {
    let setting = Setting { regions: vec!["eu-west-1"], ..Setting::instant() };
    let mut lab = Lab::new(setting);
    lab.write(&file([manifest]));
    let name: PackName = manifest.name.parse().unwrap();
    let place = lab.places().remove(0);
    let marker = Marker::new(
        "main".parse().unwrap(),
        DIGEST.parse().unwrap(),
        manifest.rules,
        DeletionPolicy::Delete,
        (&place, &name),
    );
    let sent = Manifest::new("cis")
        .template()
        .replace("Parameters:\n", "Parameters:\n  ConformdMarker: {Type: String, Default: none}\n");
    lab.event(&WorldEvent::Put(ExternalPut {
        account: None,
        region: place.region.clone(),
        name,
        template: Some(sent),
        parameters: Some([("ConformdMarker".to_owned(), marker.to_string())].into()),
        excluded: Vec::new(),
    }));
    lab
}

#[tokio::test(start_paused = true)]
async fn packs_of_the_first_release_see_no_put_and_no_delete() {
    let mut lab = put_by_the_first_release(&Manifest::new("cis"));
    let before = lab.truth();
    lab.boot();
    lab.run_for(hours(48)).await;
    assert_eq!(lab.trace(), "", "nothing is done");
    assert_eq!(lab.truth(), before);
    insta::assert_snapshot!(lab.plan("eu-west-1"), @"  No changes.");
}

#[tokio::test(start_paused = true)]
async fn a_pack_of_the_first_release_is_put_once_when_its_template_changes() {
    let mut manifest = Manifest::new("cis");
    let mut lab = put_by_the_first_release(&manifest);
    lab.boot();
    lab.run_for(hours(1)).await;
    manifest.comment = "a comment is no change";
    lab.write(&file([&manifest]));
    lab.run_for(hours(1)).await;
    assert_eq!(lab.trace(), "");
    manifest.version = 2;
    lab.write(&file([&manifest]));
    lab.run_for(hours(24)).await;
    insta::assert_snapshot!(lab.trace(), @"2:00 eu-west-1 update cis accepted");
}
