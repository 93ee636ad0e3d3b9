//! A row as it lies in its table: values to cells and back, and the seal over them.
//!
//! What a seal is for: SQLite finds a page that is broken, not a letter that has changed. A stamp
//! or //! a region that changed would let a loss count no more.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::fault::RecordFault;
use crate::domain::base::model::{Digest, Revision, Timestamp};
use crate::domain::base::stamp::{BootTime, Stamp};

/// A value that has a table.
pub(super) trait TableRow: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Its sealed columns.
    const COLUMNS: &'static [&'static str];

    /// Their values.
    fn cells(&self) -> Vec<Value>;

    /// The value again.
    fn of_cells(cells: &mut Cells<'_, '_>) -> Result<Self, RecordFault>;
}

/// Adds a row, or replaces the one that it collides with (`verb`), and tells its number.
pub(super) fn insert<R: TableRow>(
    connection: &Connection,
    verb: &str,
    row: &R,
) -> Result<i64, rusqlite::Error> {
    let mut cells = row.cells();
    let columns = R::COLUMNS.join(", ");
    let marks = vec!["?"; cells.len()].join(", ");
    let sql = format!("{verb} INTO {} ({columns}, seal) VALUES ({marks}, ?)", R::TABLE);
    cells.push(Value::Text(seal::<R>(&cells)));
    connection.execute(&sql, params_from_iter(cells))?;
    Ok(connection.last_insert_rowid())
}

/// Replaces the sealed columns of a row.
pub(super) fn update<R: TableRow>(
    connection: &Connection,
    id: i64,
    row: &R,
) -> Result<(), RecordFault> {
    let mut cells = row.cells();
    let sets = R::COLUMNS.iter().map(|column| format!("{column} = ?"));
    let sets = sets.collect::<Vec<_>>().join(", ");
    cells.push(Value::Text(seal::<R>(&cells)));
    cells.push(Value::Integer(id));
    let sql = format!("UPDATE {} SET {sets}, seal = ? WHERE id = ?", R::TABLE);
    connection.execute(&sql, params_from_iter(cells))?;
    Ok(())
}

/// The rows that `tail` selects, with their numbers, in its order; each proven by its seal.
pub(super) fn select<R: TableRow>(
    connection: &Connection,
    tail: &str,
    arguments: Vec<Value>,
) -> Result<Vec<(i64, R)>, RecordFault> {
    let (table, columns) = (R::TABLE, R::COLUMNS.join(", "));
    let mut statement =
        connection.prepare(&format!("SELECT id, {columns}, seal FROM {table} {tail}"))?;
    let mut rows = statement.query(params_from_iter(arguments))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut cells = Cells { row, table, id, next: 1 };
        let value = R::of_cells(&mut cells)?;
        // Over what was read, written out again: nothing that was read wrong can agree.
        if cells.text()? != seal::<R>(&value.cells()) {
            return Err(cells.broken("its seal does not fit"));
        }
        found.push((id, value));
    }
    Ok(found)
}

fn seal<R: TableRow>(cells: &[Value]) -> String {
    let parts = cells.iter().map(|cell| match cell {
        Value::Null => b"-".to_vec(),
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Real(number) => number.to_bits().to_string().into_bytes(),
        Value::Text(text) => [b"=", text.as_bytes()].concat(),
        Value::Blob(bytes) => [b"#", bytes.as_slice()].concat(),
    });
    let parts: Vec<Vec<u8>> = std::iter::once(R::TABLE.as_bytes().to_vec()).chain(parts).collect();
    Digest::of(parts.iter().map(Vec::as_slice)).to_string()
}

/// A row that is read from left to right.
pub(super) struct Cells<'a, 's> {
    row: &'a rusqlite::Row<'s>,
    table: &'static str,
    id: i64,
    next: usize,
}

impl Cells<'_, '_> {
    fn get<T: rusqlite::types::FromSql>(&mut self) -> Result<T, RecordFault> {
        let at = self.next;
        self.next = at.saturating_add(1);
        self.row.get(at).map_err(|error| match error.sqlite_error_code() {
            Some(_) => RecordFault::Sql(error),
            None => self.broken(&error.to_string()),
        })
    }

    pub(super) fn broken(&self, found: &str) -> RecordFault {
        RecordFault::Damaged(format!("row {} of {} is damaged: {found}", self.id, self.table))
    }

    pub(super) fn text(&mut self) -> Result<String, RecordFault> {
        self.get()
    }

    pub(super) fn text_if_any(&mut self) -> Result<Option<String>, RecordFault> {
        self.get()
    }

    /// Text that some type of the domain understands.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self) -> Result<T, RecordFault> {
        let text = self.text()?;
        text.parse().map_err(|error: T::Err| self.broken(&error.to_string()))
    }

    /// The same, or nothing.
    pub(super) fn parsed_if_any<T: FromStr<Err: Display>>(
        &mut self,
    ) -> Result<Option<T>, RecordFault> {
        let parsed = self.text_if_any()?.map(|text| text.parse()).transpose();
        parsed.map_err(|error: T::Err| self.broken(&error.to_string()))
    }

    /// A word of a closed set.
    pub(super) fn word<T: FromStr>(&mut self) -> Result<T, RecordFault> {
        let word = self.text()?;
        word.parse().map_err(|_| self.broken(&format!("{word:?} is unknown")))
    }

    pub(super) fn revision(&mut self) -> Result<Option<Revision>, RecordFault> {
        Ok(self.text_if_any()?.map(Revision))
    }

    pub(super) fn count(&mut self) -> Result<u32, RecordFault> {
        let number: i64 = self.get()?;
        u32::try_from(number).map_err(|_| self.broken("a count is out of range"))
    }

    pub(super) fn count_if_any(&mut self) -> Result<Option<u32>, RecordFault> {
        let number: Option<i64> = self.get()?;
        let count = number.map(u32::try_from).transpose();
        count.map_err(|_| self.broken("a count is out of range"))
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, RecordFault> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.broken(&error.to_string()))
    }

    pub(super) fn stamp(&mut self) -> Result<Stamp, RecordFault> {
        let wall = self.get::<i64>()?;
        let aws: Option<i64> = self.get()?;
        let id = self.text_if_any()?;
        let elapsed: Option<i64> = self.get()?;
        let time = |cells: &Self, number| {
            Timestamp::from_microsecond(number).map_err(|error| cells.broken(&error.to_string()))
        };
        let boot = match (id, elapsed.map(u64::try_from)) {
            (Some(id), Some(Ok(elapsed))) => {
                Some(BootTime { id, elapsed: Duration::from_micros(elapsed) })
            }
            (None, None) => None,
            (Some(_), Some(Err(_)) | None) | (None, Some(_)) => {
                return Err(self.broken("a time since the start of a machine is half there"));
            }
        };
        let aws = aws.map(|aws| time(self, aws)).transpose()?;
        Ok(Stamp { wall: time(self, wall)?, aws, boot })
    }
}

pub(super) fn text(text: impl Display) -> Value {
    Value::Text(text.to_string())
}

pub(super) fn text_if_any(text: Option<impl Display>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_string()))
}

/// The four columns of a moment.
pub(super) fn stamp(stamp: &Stamp) -> [Value; 4] {
    let Stamp { wall, aws, boot } = stamp;
    let (id, elapsed) = match boot {
        Some(BootTime { id, elapsed }) => {
            let elapsed = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
            (Value::Text(id.clone()), Value::Integer(elapsed))
        }
        None => (Value::Null, Value::Null),
    };
    let aws = aws.map_or(Value::Null, |aws| Value::Integer(aws.as_microsecond()));
    [Value::Integer(wall.as_microsecond()), aws, id, elapsed]
}

/// A mapping or set as JSON, in the order of its keys.
pub(super) fn json(value: &impl serde::Serialize) -> Value {
    let text = serde_json::to_string(value);
    Value::Text(text.expect("maps and sets of texts have a JSON form"))
}

/// The digest that is kept of a parameter's value: it shows only whether two values of one record
/// are equal.
pub(super) fn digests(salt: &str, values: &BTreeMap<String, String>) -> BTreeMap<String, Digest> {
    let digest =
        |name: &str, value: &str| Digest::of([salt.as_bytes(), name.as_bytes(), value.as_bytes()]);
    values.iter().map(|(name, value)| (name.clone(), digest(name, value))).collect()
}

/// Numbers and moments of rows, whatever else they hold: `sql` selects both and takes one number.
pub(super) fn stamps(
    connection: &Connection,
    sql: &str,
    argument: i64,
) -> Result<Vec<(i64, Stamp)>, RecordFault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([argument])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut cells = Cells { row, table: "a table", id, next: 1 };
        found.push((id, cells.stamp()?));
    }
    Ok(found)
}
