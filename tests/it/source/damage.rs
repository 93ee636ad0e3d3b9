//! Damage to a directory: whatever cannot be read whole is named and makes the revision invalid.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::Severity;
use conformd::domain::declared::snapshot::{Ignored, Published, SourcePath};
use conformd::tasks::source::directory::{Directory, ReadProblem, read};
use proptest::prelude::*;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::strays::{TEMPLATE, manifest};
use super::{Home, listing, publish, templates_named};

/// A home with a pack at the top, one in a directory, and the template of both.
fn home() -> Home {
    let nested = manifest("nested").replace("t.yaml", "../t.yaml");
    Home::new(&[
        ("top.yaml", &manifest("top")),
        ("team/nested.yaml", &nested),
        ("t.yaml", TEMPLATE),
    ])
}

fn catalog(root: &Path) -> Result<Catalog, ReadProblem> {
    let snapshot = read(root, "", templates_named)?;
    Ok(Catalog::read(&snapshot, &Constraints::default(), None))
}

fn errors(catalog: &Catalog) -> String {
    let errors = catalog.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Runs this on a thread that permissions bind, as they bind an ordinary user.
pub(super) fn bound_by_permissions<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let bound = scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            let all = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            sets.effective.remove(all);
            sets.permitted.remove(all);
            sets.inheritable.remove(all);
            set_capabilities(None, sets).unwrap();
            work()
        });
        bound.join().unwrap()
    })
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_whole_directory_is_wholly_valid() {
    let catalog = catalog(&home().root).unwrap();
    assert!(catalog.wholly_valid && catalog.diagnostics.is_empty(), "{:?}", catalog.diagnostics);
    assert_eq!(catalog.packs.len(), 2);
}

/// Something that happens to a directory, and what is said about which path.
type Damage = (&'static str, fn(&Home), &'static str);

const DAMAGES: &[Damage] = &[
    (
        "directory without permission",
        |home| chmod(&home.at("team"), 0o000),
        "team: error[unreadable]: it cannot be read: permission denied",
    ),
    (
        "directory that may be listed and not entered",
        |home| chmod(&home.at("team"), 0o444),
        "team: error[unreadable]: it cannot be read: permission denied",
    ),
    (
        "directory that may be entered and not listed",
        |home| chmod(&home.at("team"), 0o111),
        "team: error[unreadable]: it cannot be read: permission denied",
    ),
    (
        "file without permission",
        |home| chmod(&home.at("team/nested.yaml"), 0o000),
        "team/nested.yaml: error[unreadable]: it cannot be read: permission denied",
    ),
    (
        "directory that became empty",
        |home| fs::remove_file(home.at("team/nested.yaml")).unwrap(),
        "team: error[empty-directory]",
    ),
    (
        "directory with hidden names only",
        |home| fs::rename(home.at("team/nested.yaml"), home.at("team/.nested.yaml")).unwrap(),
        "team: error[empty-directory]",
    ),
    (
        "directory that is an empty one now",
        |home| {
            fs::remove_dir_all(home.at("team")).unwrap();
            fs::create_dir_all(home.at("team/deeper/still")).unwrap();
        },
        "team/deeper/still: error[empty-directory]",
    ),
    (
        "directory that is a dangling link",
        |home| replace(home, "gone"),
        "team: error[unreadable]: it cannot be read: the link leads nowhere",
    ),
    (
        "directory that leads out",
        |home| replace(home, ".."),
        "team: error[unreadable]: it cannot be read: it leads out of the source root",
    ),
    (
        "directory that leads to itself",
        |home| replace(home, "team"),
        "team: error[unreadable]: it cannot be read: its symbolic links run in a circle",
    ),
    (
        "file that is a dangling link",
        |home| relink(home, "gone.yaml"),
        "top.yaml: error[unreadable]: it cannot be read: the link leads nowhere",
    ),
    (
        "file that leads out",
        |home| relink(home, "../secret.yaml"),
        "top.yaml: error[unreadable]: it cannot be read: it leads out of the source root",
    ),
    (
        "file that is a pipe",
        |home| {
            fs::remove_file(home.at("top.yaml")).unwrap();
            assert!(Command::new("mkfifo").arg(home.at("top.yaml")).status().unwrap().success());
        },
        "top.yaml: error[unreadable]: it cannot be read: it is not a regular file",
    ),
    (
        "file that is a directory",
        |home| {
            fs::remove_file(home.at("top.yaml")).unwrap();
            fs::create_dir(home.at("top.yaml")).unwrap();
        },
        "top.yaml: error[unreadable]: it cannot be read: it is a directory",
    ),
    (
        "file of no bytes",
        |home| home.write("top.yaml", ""),
        "top.yaml: error[empty-file]: the file has no bytes",
    ),
    (
        "list that is no list",
        |home| home.write(".conformdignore", "[z-a\n"),
        ".conformdignore:1:1: error[ignore-pattern]: this is not a pattern",
    ),
    (
        "list without permission",
        |home| {
            home.write(".conformdignore", "x\n");
            chmod(&home.at(".conformdignore"), 0o000);
        },
        ".conformdignore: error[unreadable]: it cannot be read: permission denied",
    ),
    (
        "list that leads out",
        |home| home.link(".conformdignore", "/etc/hostname"),
        ".conformdignore: error[unreadable]: it cannot be read: it leads out of the source root",
    ),
];

fn replace(home: &Home, target: &str) {
    fs::remove_dir_all(home.at("team")).unwrap();
    symlink(target, home.at("team")).unwrap();
}

fn relink(home: &Home, target: &str) {
    fs::remove_file(home.at("top.yaml")).unwrap();
    symlink(target, home.at("top.yaml")).unwrap();
}

#[test]
fn whatever_cannot_be_read_whole_is_named_and_makes_the_revision_invalid() {
    for (what, damage, expected) in DAMAGES {
        let home = home();
        damage(&home);
        let catalog = bound_by_permissions(|| catalog(&home.root)).unwrap();
        // So that the directory can be removed.
        drop(fs::set_permissions(home.at("team"), fs::Permissions::from_mode(0o755)));
        assert!(!catalog.wholly_valid, "{what}");
        assert!(errors(&catalog).contains(expected), "{what}: {}", errors(&catalog));
    }
}

#[test]
fn an_empty_directory_is_fine_if_a_file_says_so_or_it_is_listed() {
    for (keeper, list, is_valid) in [
        (".gitkeep", "", true),
        (".keep", "", true),
        (".gitignore", "", true),
        ("README.md", "", true),
        (".DS_Store", "", false),
        (".git", "", false),
        (".DS_Store", "team/\n", true),
        (".DS_Store", "/team\n", true),
    ] {
        let home = home();
        fs::remove_file(home.at("team/nested.yaml")).unwrap();
        home.write(&format!("team/{keeper}"), "");
        home.write(".conformdignore", list);
        assert_eq!(catalog(&home.root).unwrap().wholly_valid, is_valid, "{keeper} {list}");
    }
}

#[test]
fn listed_names_are_not_read_and_those_with_an_odd_suffix_are_told() {
    let home = home();
    home.write(".conformdignore", "kustomization.yaml\nci/\n");
    home.write("kustomization.yaml", "resources: []\n");
    home.write("ci/broken.yaml", "[");
    for name in ["a.yaml.bak", "a.yaml~", "a.ymal", "a.yml.orig", "a.json.tmp", "a.yaml "] {
        home.write(name, &manifest("a"));
    }
    home.write("README.md", "words");
    home.write("notes.txt", "words");
    let snapshot = bound_by_permissions(|| {
        chmod(&home.at("ci"), 0o000);
        let snapshot = read(&home.root, "", templates_named).unwrap();
        chmod(&home.at("ci"), 0o755);
        snapshot
    });
    let told: Vec<(&str, Ignored)> =
        snapshot.ignored.iter().map(|(path, why)| (path.as_str(), *why)).collect();
    assert_eq!(
        told,
        [
            ("a.json.tmp", Ignored::Suffix),
            ("a.yaml ", Ignored::Suffix),
            ("a.yaml.bak", Ignored::Suffix),
            ("a.yaml~", Ignored::Suffix),
            ("a.ymal", Ignored::Suffix),
            ("a.yml.orig", Ignored::Suffix),
            ("ci", Ignored::Listed),
            ("kustomization.yaml", Ignored::Listed),
        ]
    );
    let catalog = Catalog::read(&snapshot, &Constraints::default(), None);
    assert!(catalog.wholly_valid && catalog.diagnostics.is_empty(), "{:?}", catalog.diagnostics);
    assert_eq!(catalog.ignored.len(), told.len());
}

#[test]
fn a_template_that_is_listed_and_named_is_read() {
    let home = home();
    home.write(".conformdignore", "t.yaml\n");
    let catalog = catalog(&home.root).unwrap();
    assert!(catalog.wholly_valid && catalog.packs.len() == 2, "{}", errors(&catalog));
}

#[test]
fn lists_of_the_root_and_of_the_path_count_and_no_others() {
    let home = Home::new(&[
        (".conformdignore", "one.yaml\n"),
        ("packs/.conformdignore", "/two.yaml\n"),
        ("packs/deep/.conformdignore", "three.yaml\n"),
        ("packs/one.yaml", "1"),
        ("packs/two.yaml", "2"),
        ("packs/deep/two.yaml", "2"),
        ("packs/deep/three.yaml", "3"),
    ]);
    let snapshot = read(&home.root, "packs", templates_named).unwrap();
    let lists = |path: &&SourcePath| !path.as_str().ends_with(".conformdignore");
    let files: Vec<&str> = snapshot.files.keys().filter(lists).map(SourcePath::as_str).collect();
    assert_eq!(files, ["packs/deep/three.yaml", "packs/deep/two.yaml"]);
}

#[test]
fn only_empty_directories_are_an_empty_source() {
    let home = Home::new(&[(".conformdignore", "# nothing\n")]);
    fs::create_dir(home.at("team")).unwrap();
    assert!(matches!(catalog(&home.root), Err(ReadProblem::Empty { .. })));
}

#[test]
fn nothing_is_read_while_git_is_at_work() {
    let home = Home::new(&[("packs/a.yaml", "a"), (".git/index.lock", "")]);
    let directory = Directory::new(&home.root, "packs").unwrap();
    let ReadProblem::Busy { why, .. } = directory.read(templates_named).unwrap_err() else {
        panic!("read in the middle of an operation");
    };
    let why = why.to_string();
    assert!(why.contains(".git/index.lock") && why.contains("delete that file"), "{why}");
    // A question about the files as they are is answered.
    assert!(directory.clone().disregarding_git().read(templates_named).is_ok());
    fs::remove_file(home.at(".git/index.lock")).unwrap();
    assert!(directory.read(templates_named).is_ok());
}

#[test]
fn how_a_directory_was_published_is_seen_and_is_no_part_of_the_revision() {
    let plain = Home::new(&[("a.yaml", "0")]);
    let shown = |root: &Path, path: &str| read(root, path, templates_named).unwrap();
    let first = shown(&plain.root, "");
    assert_eq!(first.published, Published::InPlace);

    let linked = Home::new(&[("v1/a.yaml", "0"), ("v1/packs/a.yaml", "0")]);
    linked.link("current", "v1");
    let root = linked.at("current");
    for slash in ["", "/"] {
        let root = PathBuf::from(format!("{}{slash}", root.display()));
        let Published::Link { target, directory } = shown(&root, "").published else {
            panic!("{} is a link", root.display());
        };
        assert_eq!((&*target, directory.is_some()), ("v1", true));
    }
    let inner = shown(&linked.root, "current/packs");
    assert!(matches!(&inner.published, Published::Link { target, .. } if target == "v1"));

    let volume = Home::new(&[]);
    publish(&volume.root, 0, &["a.yaml"]);
    let through = shown(&volume.root, "");
    assert_eq!(through.published, Published::Volume { target: "..v0".to_owned() });
    assert_eq!(through.revision, first.revision, "{}", listing(&through));
    // One file beside the volume, and it was not published as a whole.
    volume.write("b.yaml", "b");
    assert_eq!(shown(&volume.root, "").published, Published::InPlace);
}

/// What may happen to one entry of a tree.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Delete,
    Empty,
    Truncate(prop::sample::Index),
    Forbid,
    Dangle,
    Garble,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Delete),
        Just(Harm::Empty),
        any::<prop::sample::Index>().prop_map(Harm::Truncate),
        Just(Harm::Forbid),
        Just(Harm::Dangle),
        Just(Harm::Garble),
    ]
}

/// Names of directories on the way to a manifest.
fn folders() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
    let folder = prop::sample::select(vec!["x", "y", "team"]);
    prop::collection::vec(prop::collection::vec(folder, 0..3), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn no_damage_to_a_tree_passes_for_an_absence(
        folders in folders(), which in any::<prop::sample::Index>(), harm in harm(),
        up in 0..3_usize,
    ) {
        let home = Home::new(&[("t.yaml", TEMPLATE)]);
        let mut paths = Vec::new();
        for (number, folder) in folders.iter().enumerate() {
            let name = format!("p{number}");
            let depth = "../".repeat(folder.len());
            let text = manifest(&name).replace("t.yaml", &format!("{depth}t.yaml"));
            let path = [folder.as_slice(), &[&*format!("{name}.yaml")]].concat().join("/");
            home.write(&path, &text);
            paths.push(home.at(&path));
        }
        let whole = catalog(&home.root).unwrap();
        prop_assert!(whole.wholly_valid, "{}", errors(&whole));

        // The victim is a manifest, or a directory above one.
        let file = which.get(&paths).clone();
        let above = file.ancestors().take_while(|path| *path != home.root);
        let victim = above.take(up + 1).last().unwrap().to_owned();
        let is_file = victim == file;
        let text = fs::read_to_string(&file).unwrap();
        let mut is_plain_deletion = false;
        match harm {
            Harm::Delete if is_file => {
                fs::remove_file(&victim).unwrap();
                is_plain_deletion = true;
            }
            Harm::Delete => {
                fs::remove_dir_all(&victim).unwrap();
                is_plain_deletion = true;
            }
            Harm::Empty if is_file => fs::write(&victim, "").unwrap(),
            Harm::Empty => {
                fs::remove_dir_all(&victim).unwrap();
                fs::create_dir(&victim).unwrap();
            }
            Harm::Truncate(at) => {
                let length = at.index(text.len());
                fs::write(&file, &text[..length]).unwrap();
            }
            Harm::Forbid => chmod(&victim, 0o000),
            Harm::Dangle if is_file => {
                fs::remove_file(&victim).unwrap();
                symlink("gone", &victim).unwrap();
            }
            Harm::Dangle => {
                fs::remove_dir_all(&victim).unwrap();
                symlink("gone", &victim).unwrap();
            }
            Harm::Garble => fs::write(&file, "404: Not Found").unwrap(),
        }
        let after = bound_by_permissions(|| catalog(&home.root));
        drop(fs::set_permissions(&victim, fs::Permissions::from_mode(0o755)));
        match after {
            // A source that cannot be read at all keeps its last revision.
            Err(_) => {}
            Ok(after) => prop_assert!(
                !after.wholly_valid || after.packs.len() == whole.packs.len() || is_plain_deletion,
                "{harm:?} of {}", victim.display()
            ),
        }
    }
}
