//! One reading: what counts, what is refused, and that a set is never mixed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use conformd::domain::declared::snapshot::SourcePath;
use conformd::tasks::source::directory::{Directory, ReadProblem, read};
use conformd::tasks::source::limits::SourceLimits;
use insta::assert_snapshot;

use super::{Home, SECRET, listing, named, publish, shown};

#[test]
fn manifests_are_found_by_suffix_and_templates_by_name() {
    let home = Home::new(&[
        ("packs/a.yaml", "template: ../templates/t.yaml"),
        ("packs/team/b.yml", "template: t.template"),
        ("packs/team/t.template", "t2"),
        ("packs/c.json", "{}"),
        ("packs/README.md", "no"),
        ("packs/a.yaml~", "no"),
        ("packs/.a.yaml.swp", "no"),
        ("packs/.hidden.yaml", "no"),
        ("packs/.git/x.yaml", "no"),
        ("packs/..old/x.yaml", "no"),
        ("templates/t.yaml", "t1"),
        ("templates/unnamed.yaml", "no"),
    ]);
    assert_snapshot!(listing(&read(&home.root, "packs", named).unwrap()), @r"
    packs/a.yaml: template: ../templates/t.yaml
    packs/c.json: {}
    packs/team/b.yml: template: t.template
    packs/team/t.template: t2
    templates/t.yaml: t1
    ");
}

#[test]
fn a_template_that_does_not_exist_is_absent_and_not_unreadable() {
    let home = Home::new(&[("a.yaml", "template: gone.yaml"), ("b.yaml", "template: a.yaml/x")]);
    assert_snapshot!(listing(&read(&home.root, "", named).unwrap()), @r"
    a.yaml: template: gone.yaml
    b.yaml: template: a.yaml/x
    ");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_read() {
    let home = Home::new(&[("a.yaml", "a"), ("directory.yaml/inner.yaml", "never")]);
    fifo(&home.at("pipe.yaml"));
    fifo(&home.at("pipe"));
    let _socket = UnixListener::bind(home.at("socket.json")).unwrap();
    home.link("dangling.yaml", "nowhere.yaml");
    home.link("dangling-directory", "nowhere");
    home.link("outside.yaml", "../secret.yaml");
    home.link("outside-directory", "..");
    home.write("back\\slash.yaml", "never");
    fs::write(home.root.join(std::ffi::OsStr::from_bytes(b"latin\xe9.yaml")), "never").unwrap();
    assert_snapshot!(listing(&read(&home.root, "", named).unwrap()), @r"
    a.yaml: a
    back�slash.yaml: (its name is not UTF-8 or holds a backslash)
    dangling-directory: (the link leads nowhere)
    dangling.yaml: (the link leads nowhere)
    directory.yaml: (it is a directory)
    latin�.yaml: (its name is not UTF-8 or holds a backslash)
    outside-directory: (it leads out of the source root)
    outside.yaml: (it leads out of the source root)
    pipe.yaml: (it is not a regular file)
    socket.json: (it is not a regular file)
    ");
}

#[test]
fn a_file_without_permission_is_named_and_the_rest_is_read() {
    let home = Home::new(&[("a.yaml", "a"), ("b.yaml", "b"), ("team/c.yaml", "c")]);
    let none = fs::Permissions::from_mode(0o000);
    fs::set_permissions(home.at("b.yaml"), none.clone()).unwrap();
    fs::set_permissions(home.at("team"), none).unwrap();
    if fs::read(home.at("b.yaml")).is_ok() {
        eprintln!("skipped: permissions do not bind this user");
    } else {
        let found = listing(&read(&home.root, "", named).unwrap());
        assert_eq!(found, "a.yaml: a\nb.yaml: (permission denied)\nteam: (permission denied)");
        let top = read(&home.at("team"), "", named).unwrap_err().to_string();
        assert!(top.ends_with("permission denied"), "{top}");
    }
    fs::set_permissions(home.at("team"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn links_within_the_root_are_followed_and_circles_end() {
    let home = Home::new(&[("packs/a.yaml", "template: t"), ("shared/b.yaml", "b"), ("real", "t")]);
    home.link("packs/t", "../real");
    home.link("packs/shared", "../shared");
    home.link("packs/circle", "../packs");
    home.link("shared/up", "..");
    assert_snapshot!(listing(&read(&home.root, "packs", named).unwrap()), @r"
    packs/a.yaml: template: t
    packs/shared/b.yaml: b
    packs/t: t
    ");
}

#[test]
fn a_root_without_a_manifest_is_a_problem_of_its_own() {
    let home = Home::new(&[("README.md", "x"), ("packs/.keep", "")]);
    let place = home.root.display().to_string();
    let read = |path| read(&home.root, path, named);
    assert_eq!(read(""), Err(ReadProblem::Empty { place }));
    let text = |path| read(path).unwrap_err().to_string().replace(home.root.to_str().unwrap(), "R");
    assert_snapshot!(text(""), @"the source R holds no manifest: no file ends in .yaml, .yml or .json, or .conformdignore lists all of them");
    assert_snapshot!(text("packs"), @"the source R/packs holds no manifest: no file ends in .yaml, .yml or .json, or .conformdignore lists all of them");
    assert_snapshot!(text("nowhere"), @"the source R/nowhere cannot be read: there is no such file or directory");
    assert_snapshot!(text("README.md"), @"the source R/README.md cannot be read: it is not a directory");
    assert_snapshot!(text("../"), @"the source R/../ cannot be read: the path leaves the source root");
    assert_snapshot!(text("/etc"), @"the source /etc cannot be read: the path is absolute");
}

/// Puts something at `templates/t` that must not be read as a template.
type Trap = fn(&Home);

const ESCAPES: &[(&str, &str, Trap)] = &[
    ("link to a file of the system", "leads out", |home| home.link("templates/t", "/etc/passwd")),
    ("absolute link that leads back", "leads out", |home| {
        home.link("templates/t", home.at("a.yaml"));
    }),
    ("relative link", "leads out", |home| home.link("templates/t", "../../secret.yaml")),
    ("link by way of the root's name", "leads out", |home| {
        home.link("templates/t", "../../root/a.yaml");
    }),
    ("chain of links", "leads out", |home| {
        home.link("templates/t", "next");
        home.link("templates/next", "../../secret.yaml");
    }),
    ("directory that is an absolute link", "leads out", |home| {
        fs::write(home.outside.path().join("t"), SECRET).unwrap();
        home.link("templates", home.outside.path());
    }),
    ("directory that is a relative link", "leads out", |home| {
        fs::write(home.outside.path().join("t"), SECRET).unwrap();
        home.link("templates", "..");
    }),
    ("environment of the process", "leads out", |home| {
        home.link("templates/t", "/proc/self/environ");
    }),
    ("root by way of the process", "leads out", |home| {
        home.link("templates/t", "/proc/self/root/etc/passwd");
    }),
    ("open file of the process", "leads out", |home| home.link("templates/t", "/proc/self/fd/0")),
    ("link to a device", "leads out", |home| home.link("templates/t", "/dev/zero")),
    ("many steps up", "leads out", |home| {
        home.link("templates/t", "../".repeat(60) + "etc/passwd");
    }),
    ("pipe", "not a regular file", |home| {
        fs::create_dir(home.at("templates")).unwrap();
        fifo(&home.at("templates/t"));
    }),
    ("link to a pipe", "not a regular file", |home| {
        fifo(&home.at("pipe"));
        home.link("templates/t", "../pipe");
    }),
    ("socket", "not a regular file", |home| {
        fs::create_dir(home.at("templates")).unwrap();
        // The name stays when the listener is gone.
        drop(UnixListener::bind(home.at("templates/t")).unwrap());
    }),
    ("directory", "it is a directory", |home| home.write("templates/t/README", "")),
    ("dangling link", "leads nowhere", |home| home.link("templates/t", "gone")),
    ("link to itself", "circle", |home| home.link("templates/t", "t")),
    ("circle of links", "circle", |home| {
        home.link("templates/t", "u");
        home.link("templates/u", "t");
    }),
    ("too large", "larger than", |home| {
        fs::create_dir(home.at("templates")).unwrap();
        let file = fs::File::create(home.at("templates/t")).unwrap();
        file.set_len(SourceLimits::default().file_bytes_max + 1).unwrap();
    }),
];

#[test]
fn a_template_path_never_leads_out_of_the_root_or_blocks() {
    for (name, expected, trap) in ESCAPES {
        let home = Home::new(&[("a.yaml", "template: templates/t")]);
        trap(&home);
        let snapshot = read(&home.root, "", named).unwrap();
        let template = SourcePath::new("templates/t").unwrap();
        // Where the directory itself was refused, there is nothing beneath it to name.
        let found = snapshot.files.get(&template).map_or_else(String::new, shown);
        assert!(found.contains(expected), "{name}: {found}");
        assert!(!listing(&snapshot).contains(SECRET), "{name}");
    }
}

#[test]
fn a_repository_s_own_files_are_no_templates() {
    let home = Home::new(&[("a.yaml", "template: .git/config"), (".git/config", SECRET)]);
    assert_snapshot!(listing(&read(&home.root, "", named).unwrap()), @r"
    .git/config: (it lies within .git)
    a.yaml: template: .git/config
    ");
}

#[test]
fn a_device_is_refused_without_being_opened() {
    let zero = SourcePath::new("zero").unwrap();
    let snapshot = read(Path::new("/dev"), "", |_| BTreeSet::from([zero.clone()])).unwrap();
    assert_eq!(shown(&snapshot.files[&zero]), "(it is not a regular file)");
}

#[test]
fn a_template_swapped_during_the_reading_never_leads_out() {
    let home = Home::new(&[("a.yaml", "template: t"), ("good", "good")]);
    fifo(&home.at("pipe"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let targets = ["good", "../secret.yaml", "/etc/passwd", "pipe", "gone"];
            for target in targets.iter().cycle().take(2_000) {
                symlink(target, home.at("next")).unwrap();
                fs::rename(home.at("next"), home.at("t")).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            if let Ok(snapshot) = read(&home.root, "", named) {
                let template = snapshot.files.get(&SourcePath::new("t").unwrap()).map(shown);
                let is_fair = template.is_none_or(|text| text == "good" || text.starts_with('('));
                assert!(is_fair, "{}", listing(&snapshot));
            }
        }
    });
}

#[test]
fn a_config_map_swapped_a_thousand_times_is_never_mixed() {
    let home = Home::new(&[]);
    let names = ["a.yaml", "b.yaml", "c.yml", "d.json", "t"];
    publish(&home.root, 0, &names);
    let wanted = || BTreeSet::from([SourcePath::new("t").unwrap()]);
    let done = AtomicBool::new(false);
    let mut sets = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=1_000 {
                publish(&home.root, number, &names);
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            // Swapped faster than it can be read, a directory may be refused, not misread.
            if let Ok(snapshot) = read(&home.root, "", |_| wanted()) {
                let versions: BTreeSet<String> = snapshot.files.values().map(shown).collect();
                assert_eq!(
                    (snapshot.files.len(), versions.len()),
                    (5, 1),
                    "{}",
                    listing(&snapshot)
                );
                sets += 1;
            }
        }
    });
    let last = read(&home.root, "", |_| wanted()).unwrap();
    assert!(last.files.values().all(|content| shown(content) == "1000"));
    eprintln!("{sets} whole sets were read during 1,000 swaps");
}

#[test]
fn a_root_that_is_a_swapped_link_is_never_mixed() {
    let home = Home::new(&[]);
    let version = |number: u32| home.at(&number.to_string());
    let swap = |number: u32| {
        fs::create_dir(version(number)).unwrap();
        for name in ["a.yaml", "b.yaml", "c.yaml"] {
            fs::write(version(number).join(name), number.to_string()).unwrap();
        }
        symlink(version(number), home.at("next")).unwrap();
        fs::rename(home.at("next"), home.at("current")).unwrap();
        if number > 0 {
            fs::remove_dir_all(version(number - 1)).unwrap();
        }
    };
    swap(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..=300).for_each(swap);
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            if let Ok(snapshot) = read(&home.at("current"), "", named) {
                let versions: BTreeSet<String> = snapshot.files.values().map(shown).collect();
                assert_eq!(
                    (snapshot.files.len(), versions.len()),
                    (3, 1),
                    "{}",
                    listing(&snapshot)
                );
            }
        }
    });
}

#[test]
fn a_root_swapped_during_the_reading_is_read_again() {
    let home = Home::new(&[("1/a.yaml", "1"), ("2/a.yaml", "2")]);
    home.link("current", "1");
    home.link("next", "2");
    // Called when the manifests of the first version have been read.
    let swap = |_: &_| {
        // Fails the second time, when there is nothing left to swap.
        let _swapped = fs::rename(home.at("next"), home.at("current"));
        BTreeSet::new()
    };
    assert_eq!(listing(&read(&home.at("current"), "", swap).unwrap()), "a.yaml: 2");
}

#[test]
fn each_limit_holds_at_its_value_and_refuses_one_more() {
    let home = Home::new(&[("a.yaml", "12345"), ("b.yaml", "12345"), ("deep/er/c.yaml", "12345")]);
    let check = |limits: SourceLimits| {
        let directory = Directory::new(&home.root, "").unwrap().with_limits(limits);
        match directory.read(named) {
            Ok(reading) => listing(&reading.snapshot).replace('\n', ", "),
            Err(ReadProblem::Oversize { what, .. }) => what.to_string(),
            Err(problem) => problem.to_string(),
        }
    };
    let exact = SourceLimits {
        depth_max: 2,
        entries_max: 5,
        files_max: 3,
        file_bytes_max: 5,
        bytes_max: 15,
    };
    assert_snapshot!(check(exact.clone()), @"a.yaml: 12345, b.yaml: 12345, deep/er/c.yaml: 12345");
    assert_snapshot!(check(SourceLimits { depth_max: 1, ..exact.clone() }), @"directories lie more than 1 deep");
    assert_snapshot!(check(SourceLimits { entries_max: 4, ..exact.clone() }), @"it holds more than 4 names");
    assert_snapshot!(check(SourceLimits { files_max: 2, ..exact.clone() }), @"it holds more than 2 files");
    assert_snapshot!(check(SourceLimits { bytes_max: 14, ..exact.clone() }), @"its files hold more than 14 bytes");
    assert_snapshot!(check(SourceLimits { file_bytes_max: 4, ..exact }), @"a.yaml: (it is larger than 4 bytes), b.yaml: (it is larger than 4 bytes), deep/er/c.yaml: (it is larger than 4 bytes)");
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
