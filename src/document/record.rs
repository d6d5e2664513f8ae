//! Edits as text: how the journal keeps them. A record read back makes the same change on the same document, byte for byte.

use super::edit::{Edit, Key, Value};
use super::path::Path;
use serde::{Deserialize, Serialize};

/// One edit as it is written: places as child numbers, values and keys as JSON text in a string, so that nothing about them
/// depends on how the record itself is read.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Record {
    Replace {
        path: Vec<u64>,
        value: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        as_is: bool,
    },
    Insert {
        path: Vec<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        value: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        as_is: bool,
    },
    Remove {
        path: Vec<u64>,
    },
    Rename {
        path: Vec<u64>,
        key: String,
    },
    Move {
        from: Vec<u64>,
        to: Vec<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    Duplicate {
        path: Vec<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    All {
        edits: Vec<Record>,
    },
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(value.text()).into_owned()
}

fn key_text(key: Option<&Key>) -> Option<String> {
    key.map(|key| key.literal_text().to_owned())
}

fn record(edit: &Edit) -> Record {
    match edit {
        Edit::Replace { path, value } => {
            Record::Replace { path: path.to_vec(), value: text_of(value), as_is: value.stands_as_is() }
        }
        Edit::Insert { parent, index, key, value } => Record::Insert {
            path: parent.child(*index).to_vec(),
            key: key_text(key.as_ref()),
            value: text_of(value),
            as_is: value.stands_as_is(),
        },
        Edit::Remove { path } => Record::Remove { path: path.to_vec() },
        Edit::Rename { path, key } => Record::Rename { path: path.to_vec(), key: key.literal_text().to_owned() },
        Edit::Move { from, to, key } => Record::Move { from: from.to_vec(), to: to.to_vec(), key: key_text(key.as_ref()) },
        Edit::Duplicate { path, key } => Record::Duplicate { path: path.to_vec(), key: key_text(key.as_ref()) },
        Edit::All(edits) => Record::All { edits: edits.iter().map(record).collect() },
    }
}

fn value(text: &str, as_is: bool) -> Result<Value, String> {
    if as_is { Value::as_is(text) } else { Value::new(text) }.map_err(|problem| problem.to_string())
}

fn key(text: &str) -> Result<Key, String> {
    Key::literal(text).map_err(|problem| problem.to_string())
}

fn edit(record: Record) -> Result<Edit, String> {
    let optional = |text: Option<String>| text.as_deref().map(key).transpose();
    Ok(match record {
        Record::Replace { path, value: text, as_is } => Edit::Replace { path: path.into(), value: value(&text, as_is)? },
        Record::Insert { path, key, value: text, as_is } => {
            let (parent, index) = Path::from(path).split_last().ok_or("an insertion needs a place")?;
            Edit::Insert { parent, index, key: optional(key)?, value: value(&text, as_is)? }
        }
        Record::Remove { path } => Edit::Remove { path: path.into() },
        Record::Rename { path, key: text } => Edit::Rename { path: path.into(), key: key(&text)? },
        Record::Move { from, to, key } => Edit::Move { from: from.into(), to: to.into(), key: optional(key)? },
        Record::Duplicate { path, key } => Edit::Duplicate { path: path.into(), key: optional(key)? },
        Record::All { edits } => Edit::All(edits.into_iter().map(edit).collect::<Result<_, _>>()?),
    })
}

impl Edit {
    /// The edit as JSON, for the journal. O(length of its values).
    pub fn to_record(&self) -> Vec<u8> {
        serde_json::to_vec(&record(self)).unwrap_or_default()
    }

    /// Reads what [`Self::to_record`] wrote.
    ///
    /// # Errors
    /// Why it is not a record of an edit.
    pub fn from_record(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string()).and_then(edit)
    }

    /// The place that the edit is about, for people: where a value changes, goes, or comes to stand.
    pub fn place(&self) -> Path {
        match self {
            Self::Replace { path, .. } | Self::Remove { path } | Self::Rename { path, .. } | Self::Duplicate { path, .. } => {
                path.clone()
            }
            Self::Insert { parent, index, .. } => parent.child(*index),
            Self::Move { from, .. } => from.clone(),
            Self::All(edits) => edits.first().map(Self::place).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::*;

    #[test]
    fn a_record_makes_the_same_change() {
        let document = Document::parse("{\"a\": [1, 2], \"ש\": {\"x\": \"\\ud800\"}}").unwrap();
        let key = || Key::literal("\"\\u05d0\"").unwrap();
        let edits = [
            Edit::Replace { path: [0, 1].into(), value: Value::new("1e400").unwrap() },
            Edit::Replace { path: [0].into(), value: Value::as_is("[ 7,\n8]").unwrap() },
            Edit::Insert { parent: [1].into(), index: 0, key: Some(key()), value: Value::new("{\"k\":[true]}").unwrap() },
            Edit::Insert { parent: [0].into(), index: 2, key: None, value: Value::new("\"\\ud800\"").unwrap() },
            Edit::Remove { path: [1, 0].into() },
            Edit::Rename { path: [1].into(), key: key() },
            Edit::Move { from: [0, 0].into(), to: [1, 1].into(), key: Some(key()) },
            Edit::Duplicate { path: [0].into(), key: None },
        ];
        let all = Edit::All(edits[..3].to_vec());
        for edit in edits.iter().chain([&all]) {
            let back = Edit::from_record(&edit.to_record()).unwrap();
            let text = |edit: &Edit| edit.apply(&document).map(|applied| applied.document.to_bytes()).ok();
            assert!(text(edit).is_some(), "{edit:?}");
            assert_eq!(text(&back), text(edit), "{edit:?}");
        }
        for wrong in ["", "{}", r#"{"op":"replace","path":[],"value":"nope"}"#, r#"{"op":"insert","path":[],"value":"1"}"#] {
            assert!(Edit::from_record(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
