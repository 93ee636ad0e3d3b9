//! Templates: each distinct one read once, and the objects that `TemplateS3Uri` may name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::{self, AcceptedTemplate};

/// Templates remembered at once: more than any test delivers, and a bound for long-running servers.
const TEMPLATES_MAX: usize = 1024;

/// An object in the simulated S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its text.
    pub body: String,
    /// Whether the pack's owner may read it.
    pub readable: bool,
}

/// Templates and objects.
#[derive(Debug, Clone, Default)]
pub(super) struct ObjectStore {
    read: BTreeMap<String, Result<Arc<AcceptedTemplate>, String>>,
    objects: BTreeMap<String, Object>,
}

impl ObjectStore {
    /// What this template holds, or AWS's complaint about it.
    pub(super) fn read(&mut self, body: &str) -> Result<Arc<AcceptedTemplate>, String> {
        if let Some(known) = self.read.get(body) {
            return known.clone();
        }
        if self.read.len() >= TEMPLATES_MAX {
            self.read.clear();
        }
        let read = template::read(body).map(Arc::new);
        self.read.insert(body.to_owned(), read.clone());
        read
    }

    pub(super) fn put_object(&mut self, uri: String, object: Object) {
        self.objects.insert(uri, object);
    }

    pub(super) fn object(&self, uri: &str) -> Option<&Object> {
        self.objects.get(uri)
    }
}
