//! A value in one line, wherever there is no tree around it.

use crate::document::{Kind, Node, scalar};
use crate::state::format::counted;
use crate::ui::text::{clip_bytes, isolated, visible};

/// Characters of a value.
const VALUE_CHARS: usize = 160;
/// Children of a container, and characters of each.
const CHILDREN: usize = 5;
const CHILD_CHARS: usize = 28;

/// A value, or the first children of a container behind what it is; that it is not there.
pub fn value_line(node: Option<&Node>) -> String {
    let Some(node) = node else { return "is not there".to_owned() };
    // A container has a text only until it is edited, and line breaks in it.
    if let Some(text) = node.raw_text().filter(|_| !node.kind().is_container()) {
        let text = clip_bytes(text, VALUE_CHARS);
        return format!("{}{}", visible(text.text), if text.cut { "…" } else { "" });
    }
    let noun = if node.kind() == Kind::Array { "item" } else { "member" };
    let what = format!("{}, {}", node.kind().name(), counted(node.child_count(), noun));
    if node.has_no_children() { what } else { format!("{what}: {}", preview(node)) }
}

/// The first few children of a container.
pub fn preview(node: &Node) -> String {
    let mut parts = Vec::new();
    for child in node.children().take(CHILDREN) {
        let start = child.node.raw_start().unwrap_or_default();
        let value = match child.node.kind() {
            Kind::String => {
                let (text, whole) = scalar::decode_start(start, CHILD_CHARS);
                isolated(&format!("\"{}{}", visible(&text), if whole { "\"" } else { "…" }))
            }
            Kind::Array => format!("[{}]", counted(child.node.child_count(), "item")),
            Kind::Object => format!("{{{}}}", counted(child.node.child_count(), "member")),
            Kind::Number | Kind::Bool | Kind::Null => {
                let length = (child.node.byte_len() as usize).min(CHILD_CHARS);
                String::from_utf8_lossy(&start[..length]).into_owned()
            }
        };
        parts.push(match &child.key {
            Some(key) => format!("{} {value}", isolated(&visible(&scalar::decode_start(key.bytes(), CHILD_CHARS).0))),
            None => value,
        });
    }
    if node.children_from(CHILDREN as u64).next().is_some() {
        parts.push("…".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Path};

    #[test]
    fn what_a_container_has_is_told_and_not_only_how_much() {
        let document = Document::parse(r#"{"id": 2, "v": "mine\n", "list": [1, 2], "none": {}, "e": null, "f": 0}"#).unwrap();
        // Without the marks that keep directions apart.
        let line = |node: Option<&Node>| value_line(node).replace(['\u{2068}', '\u{2069}'], "");
        let expected = r#"object, 6 members: id 2, v "mine\n", list [2 items], none {0 members}, e null, …"#;
        assert_eq!(line(Some(document.root())), expected);
        assert_eq!(line(document.node(&Path::from([3])).as_ref()), "object, 0 members");
        assert_eq!(line(document.node(&Path::from([1])).as_ref()), r#""mine\n""#);
        assert_eq!(line(None), "is not there");
    }
}
