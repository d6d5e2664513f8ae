//! How a text is laid out, so that new text looks like what stands around it.

use super::fragment::{Fragment, close_of_string};
use super::scalar::Escaping;
use super::scan::skip_white_space;

/// How far into a text its style is looked for.
const SAMPLE: usize = 1 << 16;

/// What is the same all over a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// One level of indentation; `None` where the text is on one line.
    pub indent: Option<String>,
    /// `"\n"` or `"\r\n"`.
    pub line_end: &'static str,
    /// Between key and value.
    pub colon: String,
    /// Between two children on one line.
    pub comma: String,
    /// How strings are written.
    pub escaping: Escaping,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: Some("  ".to_owned()),
            line_end: "\n",
            colon: ": ".to_owned(),
            comma: ", ".to_owned(),
            escaping: Escaping::Needed,
        }
    }
}

impl Style {
    /// A style for lines that people read.
    pub fn compact() -> Self {
        Self { indent: None, ..Self::default() }
    }

    /// The style of a text, from its first 64 kB; what does not show there is as in most files.
    pub fn of(fragment: &Fragment) -> Self {
        let text = &fragment.text()[fragment.root()];
        let sample = &text[..text.len().min(SAMPLE)];
        let line_feed = memchr::memchr(b'\n', sample);
        let line_end = match line_feed {
            Some(place) if place > 0 && sample[place - 1] == b'\r' => "\r\n",
            _ => "\n",
        };
        let escaping =
            if fragment.has_unicode_escapes() && fragment.text().is_ascii() { Escaping::Ascii } else { Escaping::Needed };
        let seen = look(sample);
        let indent = match (line_feed, seen.indent) {
            (_, Some(indent)) => Some(indent),
            // Nothing has children: as most files are, unless the text shows that it is compact.
            (None, None) if seen.comma.is_none() && seen.colon.is_none() => Some("  ".to_owned()),
            _ => None,
        };
        let compact = seen.colon.as_deref() == Some(":");
        Self {
            line_end,
            escaping,
            colon: seen.colon.unwrap_or_else(|| if indent.is_some() { ": ".to_owned() } else { ":".to_owned() }),
            comma: seen.comma.unwrap_or_else(|| if compact { ",".to_owned() } else { ", ".to_owned() }),
            indent,
        }
    }
}

#[derive(Default)]
struct Seen {
    indent: Option<String>,
    colon: Option<String>,
    comma: Option<String>,
}

/// The first colon, the first comma inside a line and the first step of indentation.
fn look(text: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut at = 0;
    let mut key_end = 0;
    // Indentation of the line that the last opening bracket stands on.
    let mut line_indent: &[u8] = b"";
    while at < text.len() {
        let byte = text[at];
        let gap_end = skip_white_space(text, at + 1);
        let gap = &text[at + 1..gap_end.max(at + 1)];
        match byte {
            b'"' => {
                at = string_end(text, at);
                key_end = at;
                continue;
            }
            b':' if seen.colon.is_none() && !gap.contains(&b'\n') => {
                seen.colon = Some(String::from_utf8_lossy(&text[key_end..gap_end]).into_owned())
            }
            b',' if seen.comma.is_none() && !gap.contains(&b'\n') => {
                seen.comma = Some(format!(",{}", String::from_utf8_lossy(gap)));
            }
            b'{' | b'[' if seen.indent.is_none() && text.get(gap_end).is_some_and(|next| !matches!(next, b'}' | b']')) => {
                if let Some(deeper) = last_line(gap).and_then(|line| line.strip_prefix(line_indent)) {
                    seen.indent = Some(String::from_utf8_lossy(deeper).into_owned());
                }
            }
            _ => {}
        }
        if let Some(line) = last_line(gap) {
            line_indent = line;
        }
        if seen.indent.is_some() && seen.colon.is_some() && seen.comma.is_some() {
            break;
        }
        at = gap_end;
    }
    seen
}

/// What stands behind the last line feed of some white space.
fn last_line(white: &[u8]) -> Option<&[u8]> {
    memchr::memrchr(b'\n', white).map(|place| &white[place + 1..])
}

/// The end of the string at `start`; a sample may be cut inside one.
fn string_end(text: &[u8], start: usize) -> usize {
    close_of_string(text, start).unwrap_or(text.len())
}

/// How a value is laid out that comes to stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All on one line.
    OneLine,
    /// A line for each child, below a line with this indentation.
    Lines(String),
}

/// The text of a valid value, laid out anew; scalars stay as they are written. Not recursive. O(length).
pub fn lay_out(text: &[u8], style: &Style, layout: &Layout) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    let mut depth = 0usize;
    let break_line = |out: &mut Vec<u8>, depth: usize| {
        if let Layout::Lines(base) = layout {
            out.extend_from_slice(style.line_end.as_bytes());
            out.extend_from_slice(base.as_bytes());
            for _ in 0..depth {
                out.extend_from_slice(style.indent.as_deref().unwrap_or("  ").as_bytes());
            }
        }
    };
    let mut at = skip_white_space(text, 0);
    while at < text.len() {
        let mut next = at + 1;
        match text[at] {
            open @ (b'{' | b'[') => {
                out.push(open);
                let inside = skip_white_space(text, next);
                if let Some(close @ (b'}' | b']')) = text.get(inside) {
                    out.push(*close);
                    next = inside + 1;
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            close @ (b'}' | b']') => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(close);
            }
            b',' => match layout {
                Layout::OneLine => out.extend_from_slice(style.comma.as_bytes()),
                Layout::Lines(_) => {
                    out.push(b',');
                    break_line(&mut out, depth);
                }
            },
            b':' => out.extend_from_slice(style.colon.as_bytes()),
            b'"' => {
                next = string_end(text, at);
                out.extend_from_slice(&text[at..next]);
            }
            other => out.push(other),
        }
        at = skip_white_space(text, next);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn style(text: &str) -> Style {
        Style::of(&Fragment::new(text).unwrap())
    }

    #[test]
    fn styles_are_seen() {
        let check = |text: &str, indent: Option<&str>, line_end, colon, comma| {
            let style = style(text);
            assert_eq!(
                (style.indent.as_deref(), style.line_end, &*style.colon, &*style.comma),
                (indent, line_end, colon, comma),
                "{text}"
            );
        };
        check("{\n    \"a\": [1, 2]\n}", Some("    "), "\n", ": ", ", ");
        check("{\r\n\t\"a\" : 1\r\n}", Some("\t"), "\r\n", " : ", ", ");
        check(r#"{"a":1,"b":[1,2]}"#, None, "\n", ":", ",");
        check(r#"{"a": 1, "b": 2}"#, None, "\n", ": ", ", ");
        check("[1,2]", None, "\n", ":", ",");
        check("{}", Some("  "), "\n", ": ", ", ");
    }

    #[test]
    fn escaping_is_seen() {
        assert_eq!(style(r#"["\u05d0"]"#).escaping, Escaping::Ascii);
        assert_eq!(style(r#"["\u05d0א"]"#).escaping, Escaping::Needed);
        assert_eq!(style(r#"["abc"]"#).escaping, Escaping::Needed);
    }

    #[test]
    fn values_are_laid_out() {
        let style = Style::default();
        let text = br#" {"a" :[1.0,{ }, [ ]],"b":"x, y: {"} "#;
        let lines = lay_out(text, &style, &Layout::Lines("  ".to_owned()));
        let expected = "{\n    \"a\": [\n      1.0,\n      {},\n      []\n    ],\n    \"b\": \"x, y: {\"\n  }";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
        let line = lay_out(text, &style, &Layout::OneLine);
        assert_eq!(String::from_utf8(line).unwrap(), r#"{"a": [1.0, {}, []], "b": "x, y: {"}"#);
    }
}
