//! Writing the record: one function a thing to remember, each one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Transaction, params_from_iter};

use super::cells::{digests, insert, select, text, update};
use super::fault::RecordFault;
use super::place::RecordFolder;
use super::rows::RecordOwner;
use super::{database, prune};
use crate::domain::base::model::{Digest, Region};
use crate::domain::base::stamp::age;
use crate::domain::declared::template::Template;
use crate::domain::plan::record::{
    ApprovalRead, ApprovalUse, DeliveredPut, Delivering, Deployment, EventEntry, Giving, HeldLoss,
    LOSS_WINDOW, LevelEntry, LossEntry, LossId, LossKey, LossKind, LossState, TemplateText,
};

/// The selection of one loss in a table of keys.
const KEY: &str = "WHERE region = ? AND pack = ? AND kind = ? AND name = ?";

/// An open record, for the one who writes it.
#[derive(Debug)]
pub(super) struct OpenRecord {
    pub(super) connection: Connection,
    pub(super) identity: RecordOwner,
    /// `None` for one that is kept in memory.
    pub(super) place: Option<RecordFolder>,
    /// The bytes that history may take; what is above is kept for losses.
    pub(super) bytes_max: u64,
}

impl OpenRecord {
    pub(super) fn begin(&mut self) -> Result<Transaction<'_>, RecordFault> {
        database::write(&mut self.connection)
    }

    /// Whether history has taken its space.
    fn is_at_its_limit(&self) -> Result<bool, RecordFault> {
        Ok(database::size(&self.connection)? >= self.bytes_max)
    }

    /// Records losses before their requests are sent, each with the use of its approval.
    pub(super) fn give(&mut self, givings: &[Giving]) -> Result<Vec<LossId>, RecordFault> {
        let transaction = self.begin()?;
        let mut ids = Vec::new();
        for Giving { entry, approval } in givings {
            let id = insert(&transaction, "INSERT", entry)?;
            ids.push(LossId(id));
            let Some(approval) = approval else { continue };
            let used = ApprovalUse {
                approval: *approval,
                name: entry.approval.clone().unwrap_or_default(),
                key: entry.key.clone(),
                at: entry.at.clone(),
                revision: entry.revision.clone(),
            };
            let row = insert(&transaction, "INSERT", &used).map_err(|error| {
                match error.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => {
                        RecordFault::AlreadyUsed(Box::new(entry.key.clone()))
                    }
                    Some(_) | None => RecordFault::Sql(error),
                }
            })?;
            transaction.execute("UPDATE approvals_used SET loss = ? WHERE id = ?", [id, row])?;
        }
        transaction.commit()?;
        self.checkpoint();
        Ok(ids)
    }

    /// Records how losses came out. What is retracted gives its approval back.
    pub(super) fn settle(&mut self, ids: &[LossId], state: LossState) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        for LossId(id) in ids {
            let found =
                select::<LossEntry>(&transaction, "WHERE id = ?", vec![Value::Integer(*id)])?;
            for (id, entry) in found {
                let key = entry.key.clone();
                update(&transaction, id, &LossEntry { state, ..entry })?;
                match state {
                    LossState::Retracted => {
                        transaction.execute("DELETE FROM approvals_used WHERE loss = ?", [id])?;
                    }
                    // Our own step deleted it: the next process, however late it starts, must not
                    // count it as an external deletion.
                    LossState::Confirmed if key.kind == LossKind::Pack => {
                        let sql = "DELETE FROM deployments WHERE region = ? AND pack = ?";
                        transaction.execute(sql, [key.region.as_str(), key.pack.as_str()])?;
                    }
                    LossState::Confirmed | LossState::Given => {}
                }
            }
        }
        transaction.commit()?;
        self.checkpoint();
        Ok(())
    }

    /// Records what the guard holds; what it holds already keeps its beginning.
    pub(super) fn hold(&mut self, losses: &[HeldLoss]) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        for loss in losses {
            let found = select::<HeldLoss>(&transaction, KEY, key(&loss.key))?;
            match found.into_iter().next() {
                Some((_, before)) if before.basis == loss.basis => {}
                Some((id, before)) => {
                    let basis = loss.basis;
                    update(&transaction, id, &HeldLoss { basis, ..before })?;
                }
                None => {
                    insert(&transaction, "INSERT", loss)?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets losses that were held: approved, or withdrawn.
    pub(super) fn release(&mut self, keys: &[LossKey]) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        for one in keys {
            let sql = format!("DELETE FROM held {KEY}");
            transaction.execute(&sql, params_from_iter(key(one)))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Records that approvals were read. What was read before keeps its moment.
    pub(super) fn note_approvals(&mut self, read: &[ApprovalRead]) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        for one in read {
            insert(&transaction, "INSERT OR IGNORE", one)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Records a Put that AWS accepted, or may have, with its template.
    pub(super) fn deliver(&mut self, delivering: Delivering) -> Result<(), RecordFault> {
        let Delivering { at, region, pack, values, template, revision } = delivering;
        // The newest deliveries matter more than old ones; room that is kept for losses stays so.
        if self.is_at_its_limit()? {
            prune::shrink(&mut self.connection, self.bytes_max, &at)?;
        }
        let parameters = digests(&self.identity.salt, &values);
        let digest = template.digest;
        let delivery = DeliveredPut { at, region, pack, template: digest, parameters, revision };
        let transaction = self.begin()?;
        // Its digest names its content, so that one there is the same.
        insert(&transaction, "INSERT OR IGNORE", &template)?;
        insert(&transaction, "INSERT", &delivery)?;
        transaction.commit()?;
        Ok(())
    }

    /// Records all packs of ours in a complete observation of a region, and their known templates
    /// that are not recorded yet: a process that starts after the next change has to know what the
    /// packs held. The space that is reserved for losses stays free.
    pub(super) fn observe(
        &mut self,
        region: &Region,
        deployments: &[Deployment],
        templates: &[Arc<Template>],
    ) -> Result<(), RecordFault> {
        let has_room = !self.is_at_its_limit()?;
        let transaction = self.begin()?;
        transaction.execute("DELETE FROM deployments WHERE region = ?", [region.as_str()])?;
        for deployment in deployments {
            insert(&transaction, "INSERT", deployment)?;
        }
        for template in templates.iter().filter(|_| has_room) {
            let digest = template.digest;
            if !has_template(&transaction, &digest)? {
                let (body, rules) = (template.body.to_string(), BTreeMap::new());
                insert(&transaction, "INSERT", &TemplateText { digest, body, rules })?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Records the rules that packs hold from now on. Of the entries older than the window only the
    /// newest is kept.
    pub(super) fn level(&mut self, entries: &[LevelEntry]) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        for entry in entries {
            let LevelEntry { at, region, pack, marker: _, echo: _, rules: _ } = entry;
            let tail = "WHERE region = ? AND pack = ? ORDER BY id DESC";
            let known = select::<LevelEntry>(&transaction, tail, vec![text(region), text(pack)])?;
            let is_old = |(_, level): &&(i64, LevelEntry)| age(&level.at, at) >= LOSS_WINDOW;
            let is_intent =
                |(_, level): &&(i64, LevelEntry)| level.rules.is_none() && level.marker.is_some();
            // The newest old level tells what the pack held 24 hours ago. Intents that are newer
            // than it stay too: they date the level that will follow them.
            let old = known.iter().filter(is_old).skip_while(is_intent).skip(1);
            for (id, _) in old {
                transaction.execute("DELETE FROM levels WHERE id = ?", [id])?;
            }
            insert(&transaction, "INSERT", entry)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Records events, unless history has taken its space: what is left belongs to losses. Tells
    /// how many were recorded.
    pub(super) fn note(&mut self, entries: &[EventEntry]) -> Result<usize, RecordFault> {
        if self.is_at_its_limit()? {
            return Ok(0);
        }
        let transaction = self.begin()?;
        for entry in entries {
            insert(&transaction, "INSERT", entry)?;
        }
        transaction.commit()?;
        Ok(entries.len())
    }

    /// Writes, and changes nothing: whether it can be written again.
    pub(super) fn touch(&mut self) -> Result<(), RecordFault> {
        let transaction = self.begin()?;
        // Takes the space of many losses for a moment: one that just fits proves nothing.
        transaction.execute_batch(
            "INSERT INTO templates (digest, body, rules, seal)
             VALUES ('', hex(zeroblob(16384)), '', '');
             DELETE FROM templates WHERE digest = ''",
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Moves what was written from the log into the file. The log's own check takes the end of a
    /// damaged log for its end, and a loss must not vanish so.
    fn checkpoint(&self) {
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        // It is on the disk either way; a reader may be in the way.
        if let Err(error) = moved {
            tracing::debug!(%error, "the record's log stays");
        }
    }
}

fn has_template(connection: &Connection, digest: &Digest) -> Result<bool, RecordFault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM templates WHERE digest = ?)";
    Ok(connection.query_row(sql, [digest.to_string()], |row| row.get(0))?)
}

fn key(key: &LossKey) -> Vec<Value> {
    let LossKey { region, pack, kind, name } = key;
    vec![text(region), text(pack), text(kind), text(name)]
}
