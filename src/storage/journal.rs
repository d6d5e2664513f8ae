//! The journal of one open document: its edits, from the moment they are made until they are saved.
//!
//! A file begins with a mark, a format number and a random salt. Records follow: length, kind, sequence number, content, and a
//! checksum over all of these and the salt. A record is written by one call, so it survives the process from then on; it
//! survives the machine once it is synced, which the caller asks for. Reading stops at the first record that is cut off or
//! damaged, or whose number is not the next: what stands before it is whole, and nothing is misread. The salt keeps what is
//! left of an older journal on the disk from passing as the tail of this one.
//!
//! While it is open a journal is locked. One that can be locked by another was left by a process that ended: an orphan, whose
//! edits can be recovered.
//!
//! A file of a gigabyte is not copied: the journal holds the digest of the base, and its text only up to [`BASE_LIMIT`].

use super::disk::{Disk, Readers};
use super::version::Digest;
use crate::document::{Document, Edit};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Bases up to this length stand in the journal with their text.
pub const BASE_LIMIT: u64 = 8 << 20;
/// Old values up to this length are kept with the edit that replaces them.
pub const OLD_LIMIT: usize = 4096;
/// Ending of journals.
const ENDING: &str = ".journal";
const MARK: &[u8; 16] = b"treekeep-jnl-001";
const SALT: usize = 16;
const HEADER: usize = MARK.len() + SALT;
/// Length, kind, sequence number.
const HEAD: usize = 4 + 1 + 8;
const SUM: usize = 8;
/// A journal without a whole beginning may be one that another process is creating, until it is this old.
const STILL_BORN_NS: i128 = 60_000_000_000;

/// What the edits of a journal begin with.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Begin {
    /// The document's file, as its name was given; `None` for one that was never saved.
    #[serde(with = "path_text")]
    pub path: Option<PathBuf>,
    /// Its name for people.
    pub name: String,
    /// Digest of the version on disk that the edits stand on, if there is one and it is known.
    pub digest: Option<String>,
    /// Length of that version in bytes.
    pub size: u64,
    /// When the first edit was made, in milliseconds since 1970.
    pub at_ms: i64,
    /// Which program wrote it.
    pub program: String,
}

/// Paths need not be Unicode: what is not stands as hexadecimal digits.
mod path_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::path::PathBuf;

    pub fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        match path {
            None => serializer.serialize_none(),
            Some(path) => match path.to_str() {
                Some(text) => serializer.serialize_str(&format!("text:{text}")),
                None => {
                    let hex: String = path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                    serializer.serialize_str(&format!("bytes:{hex}"))
                }
            },
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        if let Some(text) = text.strip_prefix("text:") {
            return Ok(Some(text.into()));
        }
        let hex = text.strip_prefix("bytes:").unwrap_or_default();
        let bytes = (0..hex.len() / 2).map(|k| u8::from_str_radix(hex.get(2 * k..2 * k + 2).unwrap_or("00"), 16).unwrap_or(b'?'));
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            Ok(Some(std::ffi::OsString::from_vec(bytes.collect()).into()))
        }
        #[cfg(not(unix))]
        Ok(Some(String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned().into()))
    }
}

/// One record.
#[derive(Clone, Debug)]
pub enum Record {
    /// What all begins with; the first record.
    Begin(Begin),
    /// The text of the base, or of the version that was just loaded.
    Text(std::sync::Arc<Vec<u8>>),
    /// The digest of the base, where it was not known at the beginning.
    Base(Digest),
    /// An edit.
    Edit(Made),
    /// The last step is taken back.
    Undo,
    /// The undone step is made again.
    Redo,
    /// Another version was loaded from the disk.
    Load(Digest, u64),
    /// The whole text after so many steps, in place of the records before.
    Snapshot(u64, std::sync::Arc<Vec<u8>>),
    /// The text as it is here gets this number: a save of it begins.
    Mark(u64),
    /// The text with that mark is about to be put in the file's place, with this digest.
    SaveBegin(u64, Digest),
    /// The text with that mark is on the disk.
    Saved(u64, Digest),
    /// The base is not JSON, and this is mended in it, after what was mended before.
    Mend(Mend),
}

/// A part of a text that is not JSON, and what was put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// Where, in bytes of the text as it was just before.
    pub place: std::ops::Range<usize>,
    /// What stands there since.
    pub bytes: Vec<u8>,
}

impl Mend {
    /// The text with this mended; `None` where the place is not in it. O(length).
    pub fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        text.get(self.place.clone())?;
        Some([&text[..self.place.start], &self.bytes, &text[self.place.end..]].concat())
    }
}

/// An edit that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The edit.
    pub edit: Edit,
    /// It belongs to the step before it.
    pub joins: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// JSON Pointer of the place, before the edit.
    pub pointer: String,
    /// The value that stood there, up to [`OLD_LIMIT`].
    pub old: Option<String>,
}

/// The value that an edit is about to change, as it is written, if it is one value and short enough to be kept.
pub fn old_value(document: &Document, edit: &Edit) -> Option<String> {
    let path = match edit {
        Edit::Replace { path, .. } | Edit::Remove { path } | Edit::Rename { path, .. } => path,
        _ => return None,
    };
    let node = document.node(path)?;
    (node.byte_len() <= OLD_LIMIT as u64).then(|| String::from_utf8_lossy(&node.to_bytes()).into_owned())
}

#[derive(Serialize, Deserialize)]
struct MadeText {
    at_ms: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    joins: bool,
    pointer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    edit: Box<serde_json::value::RawValue>,
}

impl Record {
    fn encode(&self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Begin(begin) => (1, serde_json::to_vec(begin)?),
            Self::Text(text) => (2, text.to_vec()),
            Self::Base(digest) => (3, digest.to_string().into_bytes()),
            Self::Edit(made) => {
                let edit = String::from_utf8(made.edit.to_record()).map_err(io::Error::other)?;
                let text = MadeText {
                    at_ms: made.at_ms,
                    joins: made.joins,
                    pointer: made.pointer.clone(),
                    old: made.old.clone(),
                    edit: serde_json::value::RawValue::from_string(edit)?,
                };
                (4, serde_json::to_vec(&text)?)
            }
            Self::Undo => (5, Vec::new()),
            Self::Redo => (6, Vec::new()),
            Self::Load(digest, size) => (7, format!("{digest} {size}").into_bytes()),
            Self::Snapshot(steps, text) => (8, [&steps.to_le_bytes()[..], text].concat()),
            Self::SaveBegin(mark, digest) => (9, format!("{digest} {mark}").into_bytes()),
            Self::Saved(mark, digest) => (10, format!("{digest} {mark}").into_bytes()),
            Self::Mark(mark) => (11, mark.to_le_bytes().to_vec()),
            Self::Mend(Mend { place, bytes }) => {
                (12, [&(place.start as u64).to_le_bytes()[..], &(place.end as u64).to_le_bytes(), bytes].concat())
            }
        })
    }

    fn decode(kind: u8, content: &[u8]) -> Option<Self> {
        let digest = || std::str::from_utf8(content).ok()?.parse().ok();
        let numbered = || -> Option<(Digest, u64)> {
            let (digest, number) = std::str::from_utf8(content).ok()?.split_once(' ')?;
            Some((digest.parse().ok()?, number.parse().ok()?))
        };
        Some(match kind {
            1 => Self::Begin(serde_json::from_slice(content).ok()?),
            2 => Self::Text(content.to_vec().into()),
            3 => Self::Base(digest()?),
            4 => {
                let text: MadeText = serde_json::from_slice(content).ok()?;
                let edit = Edit::from_record(text.edit.get().as_bytes()).ok()?;
                Self::Edit(Made { edit, joins: text.joins, at_ms: text.at_ms, pointer: text.pointer, old: text.old })
            }
            5 => Self::Undo,
            6 => Self::Redo,
            7 => numbered().map(|(digest, size)| Self::Load(digest, size))?,
            8 => Self::Snapshot(u64::from_le_bytes(content.get(..8)?.try_into().ok()?), content[8..].to_vec().into()),
            9 => numbered().map(|(digest, mark)| Self::SaveBegin(mark, digest))?,
            10 => numbered().map(|(digest, mark)| Self::Saved(mark, digest))?,
            11 => Self::Mark(u64::from_le_bytes(content.try_into().ok()?)),
            12 => {
                let (place, bytes) = content.split_at_checked(16)?;
                let at = |half: &[u8]| usize::try_from(u64::from_le_bytes(half.try_into().ok()?)).ok();
                Self::Mend(Mend { place: at(&place[..8])?..at(&place[8..])?, bytes: bytes.to_vec() })
            }
            _ => return None,
        })
    }
}

fn checksum(salt: &[u8], head: &[u8], content: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt).update(head).update(content);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}

/// Where journals stand.
pub fn folder(state_folder: &Path) -> PathBuf {
    state_folder.join("journal")
}

/// A journal that is being written.
pub struct Journal {
    disk: Disk,
    path: PathBuf,
    file: File,
    salt: [u8; SALT],
    sequence: u64,
    length: u64,
    unsynced: bool,
}

impl Journal {
    /// A new journal, with its first records. Its name is durable when this returns, what is in it when it is synced.
    ///
    /// # Errors
    /// What the system says; nothing is left behind.
    pub fn create(disk: &Disk, state_folder: &Path, records: &[Record]) -> io::Result<Self> {
        let folder = folder(state_folder);
        if disk.stat(&folder).is_err() {
            disk.make_folder(&folder)?;
            folder.ancestors().skip(1).take(2).try_for_each(|folder| disk.sync_folder(folder))?;
        }
        let about = match records.first() {
            Some(Record::Begin(Begin { path: Some(path), .. })) => Digest::of(path.as_os_str().as_encoded_bytes()).short(),
            _ => "new".to_owned(),
        };
        let prefix = format!("{about}-{}-", std::process::id());
        let (file, path) = disk.create_temporary(&folder, &prefix, ENDING, Readers::Owner)?;
        // The name is random, and its own: as good as any salt.
        let salt_of = Digest::of(format!("{}{:?}", path.display(), std::time::SystemTime::now()).as_bytes()).to_string();
        let mut salt = [0; SALT];
        salt.copy_from_slice(&salt_of.as_bytes()[..SALT]);
        let mut journal = Self { disk: disk.clone(), path, file, salt, sequence: 0, length: 0, unsynced: true };
        let begun = journal.write(&[&MARK[..], &salt].concat()).and_then(|()| journal.append(records));
        let begun = begun.and_then(|()| disk.sync_folder(&folder));
        match begun {
            Ok(()) => Ok(journal),
            Err(error) => {
                // The error is what is told; the rest of it is litter.
                let _ = disk.remove(&journal.path);
                Err(error)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(&self.file, &self.path, bytes)?;
        self.length += bytes.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    /// Appends records by one write. After an error the journal must not be used any more: a new one is begun.
    ///
    /// # Errors
    /// What the system says.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            let (kind, content) = record.encode()?;
            let length = u32::try_from(content.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
            let mut head = [0; HEAD];
            head[..4].copy_from_slice(&length.to_le_bytes());
            head[4] = kind;
            head[5..].copy_from_slice(&self.sequence.to_le_bytes());
            self.sequence += 1;
            bytes.extend_from_slice(&head);
            bytes.extend_from_slice(&content);
            bytes.extend_from_slice(&checksum(&self.salt, &head, &content));
        }
        self.write(&bytes)
    }

    /// Makes what was written durable. After an error the journal must not be used any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.disk.sync(&self.file, &self.path)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Whether something was written since the last sync.
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it is saved: it goes.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(self) -> io::Result<()> {
        self.disk.remove(&self.path)
    }

    /// Nobody wants what is in it: it is kept aside for a while.
    ///
    /// # Errors
    /// What the system says.
    pub fn discard(self, state_folder: &Path) -> io::Result<()> {
        discard(&self.disk, state_folder, &self.path)
    }
}

/// Moves a journal to those that are kept for 30 days.
///
/// # Errors
/// What the system says.
pub fn discard(disk: &Disk, state_folder: &Path, journal: &Path) -> io::Result<()> {
    let aside = folder(state_folder).join("discarded");
    disk.make_folder(&aside)?;
    let name = journal.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    disk.rename(journal, &aside.join(name))?;
    disk.sync_folder(&aside)
}

/// Removes discarded journals that are older than 30 days.
///
/// # Errors
/// What the system says.
pub fn prune(disk: &Disk, state_folder: &Path, now_ns: i128) -> io::Result<()> {
    const KEPT_NS: i128 = 30 * 24 * 3_600 * 1_000_000_000;
    for path in disk.list(&folder(state_folder).join("discarded"))? {
        let age = now_ns - super::version::Stamp::of(&disk.stat(&path)?, now_ns).changed_ns;
        if path.to_string_lossy().ends_with(ENDING) && age > KEPT_NS {
            disk.remove(&path)?;
        }
    }
    Ok(())
}

/// A journal that was left behind, held so that nobody else recovers it at the same time.
pub struct Orphan {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it, up to the first record that is not whole.
    pub records: Vec<Record>,
    _lock: File,
}

/// Reads the records of a journal's text, up to the first that is not whole. `None` where it is no journal.
pub fn records(bytes: &[u8]) -> Option<Vec<Record>> {
    let salt = bytes.get(MARK.len()..HEADER)?;
    if !bytes.starts_with(MARK) {
        return None;
    }
    let mut records = Vec::new();
    let mut rest = &bytes[HEADER..];
    while let Some(head) = rest.get(..HEAD) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (Some(content), Some(sum)) = (rest.get(HEAD..HEAD + length), rest.get(HEAD + length..HEAD + length + SUM)) else {
            break;
        };
        let is_next = head[5..] == (records.len() as u64).to_le_bytes();
        if !is_next || sum != checksum(salt, head, content) {
            break;
        }
        let Some(record) = Record::decode(head[4], content) else { break };
        records.push(record);
        rest = &rest[HEAD + length + SUM..];
    }
    Some(records)
}

/// The records of a journal that is in use here.
///
/// # Errors
/// What the system says.
pub fn journal_records(disk: &Disk, path: &Path) -> io::Result<Vec<Record>> {
    Ok(records(&disk.read_small(path)?).unwrap_or_default())
}

/// Journals that nobody holds, oldest first. Those that can't be read are passed over and stay.
///
/// # Errors
/// What the system says of the folder.
pub fn orphans(disk: &Disk, state_folder: &Path, now_ns: i128) -> io::Result<Vec<Orphan>> {
    let mut found = Vec::new();
    for path in disk.list(&folder(state_folder))? {
        if !path.to_string_lossy().ends_with(ENDING) {
            continue;
        }
        match orphan(disk, &path, now_ns) {
            Ok(Some(orphan)) => found.push(orphan),
            Ok(None) => {}
            Err(error) => log::warn!("{}: {error}", path.display()),
        }
    }
    let begun = |orphan: &Orphan| match orphan.records.first() {
        Some(Record::Begin(begin)) => begin.at_ms,
        _ => 0,
    };
    found.sort_by_key(begun);
    Ok(found)
}

/// One journal, if it is an orphan.
///
/// # Errors
/// What the system says.
pub fn orphan(disk: &Disk, path: &Path, now_ns: i128) -> io::Result<Option<Orphan>> {
    let file = match disk.open(path) {
        Ok(file) => file,
        // Recovered or saved in this moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if fs4::FileExt::try_lock(&file).is_err() {
        return Ok(None);
    }
    let bytes = disk.read_small(path)?;
    match records(&bytes) {
        Some(records) if !records.is_empty() => Ok(Some(Orphan { path: path.to_owned(), records, _lock: file })),
        _ => {
            // Nothing whole is in it. It may be about to be written.
            let age = now_ns - super::version::Stamp::of(&disk.stat_open(&file, path)?, now_ns).modified_ns;
            if age > STILL_BORN_NS {
                discard(disk, folder_above(path), path)?;
            }
            Ok(None)
        }
    }
}

fn folder_above(journal: &Path) -> &Path {
    journal.parent().and_then(Path::parent).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Value;

    fn made(text: &str) -> Record {
        let edit = Edit::Replace { path: [0].into(), value: Value::new(text).unwrap() };
        Record::Edit(Made { edit, joins: false, at_ms: 1, pointer: "/a".to_owned(), old: Some("1".to_owned()) })
    }

    fn begin() -> Record {
        let path = Some("/data/א.json".into());
        Record::Begin(Begin { path, name: "א.json".into(), digest: None, size: 7, at_ms: 5, program: "0".into() })
    }

    fn all() -> Vec<Record> {
        let digest = Digest::of(b"x");
        let text = std::sync::Arc::new(b"{\"a\":1}".to_vec());
        vec![
            begin(),
            Record::Text(text.clone()),
            Record::Base(digest),
            made("\"ש\""),
            Record::Undo,
            Record::Redo,
            Record::Load(digest, 9),
            Record::Snapshot(3, text),
            Record::Mark(12),
            Record::SaveBegin(12, digest),
            Record::Saved(12, digest),
            Record::Mend(Mend { place: 3..4, bytes: b"\xFF".to_vec() }),
        ]
    }

    fn written(records: &[Record]) -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(&Disk::real(), folder.path(), &records[..1]).unwrap();
        records[1..].iter().for_each(|record| journal.append(std::slice::from_ref(record)).unwrap());
        journal.sync().unwrap();
        assert!(orphans(&Disk::real(), folder.path(), 0).unwrap().is_empty(), "it is in use");
        let bytes = std::fs::read(journal.path()).unwrap();
        assert_eq!(journal.length(), bytes.len() as u64);
        drop(journal);
        (folder, bytes)
    }

    fn shown(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| format!("{record:?}")).collect()
    }

    #[test]
    fn records_come_back_and_an_orphan_is_found() {
        let (folder, bytes) = written(&all());
        assert_eq!(shown(&records(&bytes).unwrap()), shown(&all()));
        let found = orphans(&Disk::real(), folder.path(), 0).unwrap();
        assert_eq!(shown(&found[0].records), shown(&all()));
        assert!(orphans(&Disk::real(), folder.path(), 0).unwrap().is_empty(), "it is being recovered");
        let path = found[0].path.clone();
        drop(found);
        discard(&Disk::real(), folder.path(), &path).unwrap();
        assert!(orphans(&Disk::real(), folder.path(), 0).unwrap().is_empty());
        let far = i128::MAX / 2;
        prune(&Disk::real(), folder.path(), far).unwrap();
        assert_eq!(std::fs::read_dir(super::folder(folder.path()).join("discarded")).unwrap().count(), 0);
    }

    /// However it is damaged: what is read is a beginning of what was written.
    #[test]
    fn a_damaged_journal_is_read_up_to_the_damage() {
        let whole = shown(&all());
        let (_folder, bytes) = written(&all());
        let check = |bytes: &[u8], what: &str| {
            let found = shown(&records(bytes).unwrap_or_default());
            assert!(whole.starts_with(&found), "{what}: {found:?}");
            found.len()
        };
        for length in 0..bytes.len() {
            assert!(check(&bytes[..length], "cut") < whole.len());
            let mut zeroed = bytes.clone();
            zeroed[length..].fill(0);
            check(&zeroed, "zeroed");
        }
        for place in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut flipped = bytes.clone();
                flipped[place] ^= bit;
                assert!(check(&flipped, "flipped") < whole.len(), "{place}");
            }
        }
        // The tail of another journal, in the right place.
        let (_other, other) = written(&all());
        let half = bytes.len() / 2;
        let mixed = [&bytes[..half], &other[half..]].concat();
        assert!(check(&mixed, "mixed") < whole.len());
        let doubled = [&bytes[..], &bytes[HEADER..]].concat();
        assert_eq!(check(&doubled, "doubled"), whole.len());
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_comes_back() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/\xFFx.json".to_vec()));
        let begin = Begin { path: Some(path), name: "?".into(), digest: None, size: 0, at_ms: 0, program: String::new() };
        let back: Begin = serde_json::from_slice(&serde_json::to_vec(&begin).unwrap()).unwrap();
        assert_eq!(back, begin);
    }
}
