//! The tables of the record: which values lie in which columns.

use rusqlite::types::Value;

use super::cells::{Cells, TableRow, json, stamp, text, text_if_any};
use super::fault::RecordFault;
use crate::domain::base::model::{AccountId, Installation};
use crate::domain::base::stamp::Stamp;
use crate::domain::plan::event::EventKind;
use crate::domain::plan::record::{
    ApprovalRead, ApprovalUse, DeliveredPut, Deployment, EventEntry, HeldLoss, LevelEntry,
    LossEntry, LossKey, TemplateText,
};

/// Whose record it is, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordOwner {
    pub(super) installation: Installation,
    pub(super) account: AccountId,
    /// Goes into what is kept of parameter values.
    pub(super) salt: String,
    pub(super) began: Stamp,
}

impl TableRow for RecordOwner {
    const TABLE: &'static str = "identity";
    const COLUMNS: &'static [&'static str] = &[
        "installation",
        "account",
        "salt",
        "began_wall",
        "began_aws",
        "began_boot",
        "began_uptime",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { installation, account, salt, began } = self;
        let mut cells = vec![text(installation), text(account), text(salt)];
        cells.extend(stamp(began));
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            installation: cells.parsed()?,
            account: cells.parsed()?,
            salt: cells.text()?,
            began: cells.stamp()?,
        })
    }
}

fn key_cells(key: &LossKey) -> [Value; 4] {
    let LossKey { region, pack, kind, name } = key;
    [text(region), text(pack), text(kind), text(name)]
}

fn key(cells: &mut Cells<'_, '_>) -> Result<LossKey, RecordFault> {
    Ok(LossKey {
        region: cells.parsed()?,
        pack: cells.parsed()?,
        kind: cells.word()?,
        name: cells.text()?,
    })
}

impl TableRow for LossEntry {
    const TABLE: &'static str = "losses";
    const COLUMNS: &'static [&'static str] = &[
        "at_wall",
        "at_aws",
        "at_boot",
        "at_uptime",
        "region",
        "pack",
        "kind",
        "name",
        "count",
        "cause",
        "state",
        "approval",
        "revision",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { at, key, count, cause, state, approval, revision } = self;
        let mut cells = stamp(at).to_vec();
        cells.extend(key_cells(key));
        cells.extend([Value::Integer((*count).into()), text(cause), text(state)]);
        cells.extend([text_if_any(approval.as_ref()), text_if_any(revision.as_ref())]);
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            at: cells.stamp()?,
            key: key(cells)?,
            count: cells.count()?,
            cause: cells.word()?,
            state: cells.word()?,
            approval: cells.text_if_any()?,
            revision: cells.revision()?,
        })
    }
}

impl TableRow for HeldLoss {
    const TABLE: &'static str = "held";
    const COLUMNS: &'static [&'static str] = &[
        "region",
        "pack",
        "kind",
        "name",
        "since_wall",
        "since_aws",
        "since_boot",
        "since_uptime",
        "basis",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { key, since, basis } = self;
        let mut cells = key_cells(key).to_vec();
        cells.extend(stamp(since));
        cells.push(text(basis));
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        let (key, since) = (key(cells)?, cells.stamp()?);
        Ok(Self { key, since, basis: cells.word()? })
    }
}

impl TableRow for ApprovalUse {
    const TABLE: &'static str = "approvals_used";
    const COLUMNS: &'static [&'static str] = &[
        "approval",
        "name",
        "region",
        "pack",
        "kind",
        "loss_name",
        "at_wall",
        "at_aws",
        "at_boot",
        "at_uptime",
        "revision",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { approval, name, key, at, revision } = self;
        let mut cells = vec![text(approval), text(name)];
        cells.extend(key_cells(key));
        cells.extend(stamp(at));
        cells.push(text_if_any(revision.as_ref()));
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            approval: cells.parsed()?,
            name: cells.text()?,
            key: key(cells)?,
            at: cells.stamp()?,
            revision: cells.revision()?,
        })
    }
}

impl TableRow for ApprovalRead {
    const TABLE: &'static str = "approvals_read";
    const COLUMNS: &'static [&'static str] =
        &["approval", "at_wall", "at_aws", "at_boot", "at_uptime", "first", "expires", "rules"];

    fn cells(&self) -> Vec<Value> {
        let Self { approval, at, first, expires, rules } = self;
        let mut cells = vec![text(approval)];
        cells.extend(stamp(at));
        cells.extend([text(first), text(expires), json(rules)]);
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            approval: cells.parsed()?,
            at: cells.stamp()?,
            first: cells.parsed()?,
            expires: cells.parsed()?,
            rules: cells.json()?,
        })
    }
}

impl TableRow for TemplateText {
    const TABLE: &'static str = "templates";
    const COLUMNS: &'static [&'static str] = &["digest", "body", "rules"];

    fn cells(&self) -> Vec<Value> {
        let Self { digest, body, rules } = self;
        vec![text(digest), text(body), json(rules)]
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self { digest: cells.parsed()?, body: cells.text()?, rules: cells.json()? })
    }
}

impl TableRow for DeliveredPut {
    const TABLE: &'static str = "deliveries";
    const COLUMNS: &'static [&'static str] = &[
        "at_wall",
        "at_aws",
        "at_boot",
        "at_uptime",
        "region",
        "pack",
        "template",
        "parameters",
        "revision",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { at, region, pack, template, parameters, revision } = self;
        let mut cells = stamp(at).to_vec();
        cells.extend([text(region), text(pack), text(template), json(parameters)]);
        cells.push(text_if_any(revision.as_ref()));
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            at: cells.stamp()?,
            region: cells.parsed()?,
            pack: cells.parsed()?,
            template: cells.parsed()?,
            parameters: cells.json()?,
            revision: cells.revision()?,
        })
    }
}

impl TableRow for Deployment {
    const TABLE: &'static str = "deployments";
    const COLUMNS: &'static [&'static str] = &[
        "region",
        "pack",
        "seen_wall",
        "seen_aws",
        "seen_boot",
        "seen_uptime",
        "marker",
        "excluded",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { region, pack, seen, marker, excluded } = self;
        let mut cells = vec![text(region), text(pack)];
        cells.extend(stamp(seen));
        cells.extend([text(marker), json(excluded)]);
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            region: cells.parsed()?,
            pack: cells.parsed()?,
            seen: cells.stamp()?,
            marker: cells.text()?,
            excluded: cells.json()?,
        })
    }
}

impl TableRow for LevelEntry {
    const TABLE: &'static str = "levels";
    const COLUMNS: &'static [&'static str] =
        &["at_wall", "at_aws", "at_boot", "at_uptime", "region", "pack", "marker", "echo", "rules"];

    fn cells(&self) -> Vec<Value> {
        let Self { at, region, pack, marker, echo, rules } = self;
        let mut cells = stamp(at).to_vec();
        let (marker, echo) = (text_if_any(marker.as_ref()), text_if_any(echo.as_ref()));
        cells.extend([text(region), text(pack), marker, echo]);
        cells.push(rules.map_or(Value::Null, |rules| Value::Integer(rules.into())));
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        Ok(Self {
            at: cells.stamp()?,
            region: cells.parsed()?,
            pack: cells.parsed()?,
            marker: cells.text_if_any()?,
            echo: cells.parsed_if_any()?,
            rules: cells.count_if_any()?,
        })
    }
}

/// The word of a kind, as it is in the JSON of an event.
pub(super) fn kind_word(kind: EventKind) -> String {
    serde_json::to_string(&kind).unwrap_or_default().trim_matches('"').to_owned()
}

impl TableRow for EventEntry {
    const TABLE: &'static str = "events";
    const COLUMNS: &'static [&'static str] = &[
        "at_wall",
        "at_aws",
        "at_boot",
        "at_uptime",
        "kind",
        "region",
        "pack",
        "account",
        "event",
    ];

    fn cells(&self) -> Vec<Value> {
        let Self { at, event } = self;
        let mut cells = stamp(at).to_vec();
        cells.extend([
            text(kind_word(event.kind)),
            text_if_any(event.region.as_ref()),
            text_if_any(event.pack.as_ref()),
            text_if_any(event.account.as_ref()),
            json(event),
        ]);
        cells
    }

    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault> {
        let at = cells.stamp()?;
        // The columns between are copies, to select by.
        cells.text()?;
        for _ in 0..3 {
            cells.text_if_any()?;
        }
        Ok(Self { at, event: cells.json()? })
    }
}
