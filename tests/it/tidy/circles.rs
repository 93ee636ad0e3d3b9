//! No file leads back to itself: whoever reads one may rely on what it imports without having read
//! it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::File;
use super::paths::{CratePath, Named, module_of, named};

/// Re-exports in a row that are followed.
const EXPORTS_MAX: usize = 8;

/// The shortest circle of files through each file that is part of one, each circle once.
pub(super) fn circles(files: &[File<'_>]) -> Vec<String> {
    let shipped = files.iter().filter(|file| file.is_shipped() && file.is_rust());
    let modules: BTreeMap<CratePath, &File<'_>> = shipped
        .map(|file| (module_of(file.path), file))
        .filter(|(module, _)| !module.iter().any(|part| part.starts_with("test")))
        .collect();
    let tree = Tree::of(&modules);
    let mut found: BTreeMap<BTreeSet<&CratePath>, String> = BTreeMap::new();
    for module in modules.keys() {
        if let Some(circle) = tree.circle(module) {
            let steps = circle.iter().chain(circle.first()).map(|step| step.join("::"));
            let steps = steps.collect::<Vec<_>>().join(" → ");
            let say =
                format!("{steps}: a circle of files; move what both need into a file below them");
            found.entry(circle.into_iter().collect()).or_insert(say);
        }
    }
    found.into_values().collect()
}

/// Which file imports which.
struct Tree<'a> {
    imports: BTreeMap<&'a CratePath, BTreeSet<&'a CratePath>>,
}

impl<'a> Tree<'a> {
    fn of(modules: &'a BTreeMap<CratePath, &File<'_>>) -> Self {
        let all: BTreeMap<&CratePath, Vec<Named>> = modules
            .iter()
            .map(|(module, file)| (module, named(file, &children(module, modules))))
            .collect();
        let mut exports: BTreeMap<(&[String], &str), &[String]> = BTreeMap::new();
        for (module, all) in &all {
            for Named { path, is_export, .. } in all {
                if let (true, Some(name)) = (is_export, path.last()) {
                    exports.insert((module, name), path);
                }
            }
        }
        // The file in which a path ends, past the modules that only pass it on.
        let target = |path: &[String]| -> Option<&'a CratePath> {
            let mut path = path;
            for _ in 0..EXPORTS_MAX {
                let mut splits = (0..=path.len()).rev().map(|depth| path.split_at(depth));
                let (module, rest) = splits.find(|(module, _)| modules.contains_key(*module))?;
                match rest.first().and_then(|name| exports.get(&(module, name.as_str()))) {
                    Some(exported) if *exported != path => path = exported,
                    _ => return modules.get_key_value(module).map(|(module, _)| module),
                }
            }
            None
        };
        let imports = all.iter().map(|(module, all)| {
            // To pass on what a child owns is no use of it.
            let used = all.iter().filter(|it| !(it.is_export && it.path.starts_with(module)));
            let targets = used.filter_map(|it| target(&it.path)).filter(|other| other != module);
            (*module, targets.collect())
        });
        Self { imports: imports.collect() }
    }

    /// The shortest way from a file back to it.
    fn circle(&self, from: &'a CratePath) -> Option<Vec<&'a CratePath>> {
        let mut ways = VecDeque::from([vec![from]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            for &next in self.imports.get(way.last()?).into_iter().flatten() {
                if next == from {
                    return Some(way);
                }
                if seen.insert(next) {
                    ways.push_back([way.clone(), vec![next]].concat());
                }
            }
        }
        None
    }
}

/// The names of the modules right below one.
fn children<'a>(module: &[String], modules: &'a BTreeMap<CratePath, &File<'_>>) -> Vec<&'a str> {
    let below =
        modules.keys().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
    below.filter_map(|other| other.last()).map(String::as_str).collect()
}
