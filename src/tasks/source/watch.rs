//! Hints from the file system that something beneath the source may have changed.
//!
//! A hint says neither what nor whether: the task reads everything and compares. Hints may be lost
//! (a directory replaced, a full queue, a network mount), so that nothing may depend on one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::domain::declared::snapshot::IGNORE_FILE;

/// Watches directories, each by itself: `.git` and its like cost no watches.
#[derive(Debug)]
pub(super) struct DirectoryWatch {
    watcher: RecommendedWatcher,
    root: PathBuf,
    folders: BTreeSet<PathBuf>,
}

impl DirectoryWatch {
    /// A watch on the root, and on its name in the directory above; `hint` is called on another
    /// thread and must not block.
    pub(super) fn new(
        root: &Path,
        hint: impl Fn() + Send + 'static,
    ) -> Result<Self, notify::Error> {
        let scope = root.to_owned();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| is_hint(&event, &scope)) {
                hint();
            }
        })?;
        let mut watch = Self { watcher, root: root.to_owned(), folders: BTreeSet::new() };
        watch.follow(&BTreeSet::new())?;
        Ok(watch)
    }

    /// Watches exactly these directories, beside the root and the one above. Says whether a new
    /// one was added: what happened in it before is not known.
    pub(super) fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> Result<bool, notify::Error> {
        let mut wanted = folders.clone();
        wanted.insert(self.root.clone());
        // The directory above sees the root removed, made again, or its link swapped.
        wanted.extend(self.root.parent().map(Path::to_owned));
        for gone in self.folders.difference(&wanted) {
            // Fails for a directory that was removed, whose watch went with it.
            let _gone = self.watcher.unwatch(gone);
        }
        self.folders.retain(|folder| wanted.contains(folder));
        let mut grown = false;
        for folder in wanted {
            if self.folders.contains(&folder) {
                continue;
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => grown = self.folders.insert(folder),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(grown)
    }
}

/// A directory that is not there will be reported by the one above it.
fn is_absent(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_)
        | notify::ErrorKind::MaxFilesWatch => false,
    }
}

/// Whether an event can mean a change. Our own reading causes `Access` events: to heed them would
/// be to read for ever.
fn is_hint(event: &Event, root: &Path) -> bool {
    if event.need_rescan() {
        return true;
    }
    match event.kind {
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => event.paths.iter().any(|path| is_visible(path, root)),
    }
}

/// Whether the path is the root or beneath it by names that a reading would look at.
fn is_visible(path: &Path, root: &Path) -> bool {
    path.strip_prefix(root).is_ok_and(|beneath| {
        beneath.components().all(|part| match part {
            Component::Normal(name) => !is_hidden(name),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => false,
        })
    })
}

/// Hidden names are ignored, but for the link that a ConfigMap is published by, the list of names
/// that are not read, and what tells whether a directory is empty on purpose.
fn is_hidden(name: &OsStr) -> bool {
    let is_heeded = ["..data", IGNORE_FILE, ".gitkeep", ".keep", ".gitignore"];
    !is_heeded.iter().any(|heeded| name == *heeded) && name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use notify::event::{AccessKind, CreateKind, DataChange, Flag, ModifyKind};

    use super::*;
    use crate::tasks::source::directory::Directory;

    fn hints(kind: EventKind, path: &str) -> bool {
        is_hint(&Event::new(kind).add_path(path.into()), Path::new("/srv/packs"))
    }

    #[test]
    fn changes_beneath_the_root_and_of_the_root_are_hints() {
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let created = EventKind::Create(CreateKind::Any);
        assert!(hints(written, "/srv/packs/a.yaml"));
        assert!(hints(created, "/srv/packs/team"));
        assert!(hints(created, "/srv/packs/..data"));
        assert!(hints(created, "/srv/packs"));
    }

    #[test]
    fn readings_hidden_names_and_neighbours_are_no_hints() {
        let opened = EventKind::Access(AccessKind::Any);
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(!hints(opened, "/srv/packs/a.yaml"));
        assert!(!hints(written, "/srv/packs/.git/index"));
        assert!(!hints(written, "/srv/packs/.a.yaml.swp"));
        assert!(!hints(written, "/srv/other"));
    }

    #[test]
    fn an_overflowing_queue_is_a_hint() {
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(is_hint(&overflow, Path::new("/srv/packs")));
    }

    #[test]
    fn our_own_readings_cause_events_and_none_is_a_hint() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path();
        std::fs::write(root.join("a.yaml"), "a").unwrap();
        let (sender, events) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(sender).unwrap();
        watcher.watch(root, RecursiveMode::NonRecursive).unwrap();
        let directory = Directory::new(root, "").unwrap();
        for _ in 0..10 {
            directory.read(|_| BTreeSet::new()).unwrap();
        }
        // Events keep their order, so all of ours come before this one.
        let marker = root.join("z.yaml");
        std::fs::write(&marker, "z").unwrap();
        let patience = Duration::from_mins(1);
        let ours = std::iter::from_fn(|| {
            let event = events.recv_timeout(patience).unwrap().unwrap();
            (!event.paths.contains(&marker)).then_some(event)
        });
        let ours: Vec<Event> = ours.collect();
        assert!(!ours.is_empty());
        assert!(ours.iter().all(|event| !is_hint(event, root)), "{ours:?}");
    }
}
