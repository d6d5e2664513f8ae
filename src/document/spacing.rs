//! Texts that may differ in the white space between their tokens.

use super::fragment::close_of_string;
use super::scan::skip_white_space;

/// How many bytes of each of two texts are the same but for white space between tokens; both begin between two. O(length).
pub fn in_common(a: &[u8], b: &[u8]) -> (usize, usize) {
    let (mut at_a, mut at_b) = (skip_white_space(a, 0), skip_white_space(b, 0));
    while let Some(&byte) = a.get(at_a)
        && b.get(at_b) == Some(&byte)
    {
        let length = match byte {
            b'"' => close_of_string(a, at_a).unwrap_or(a.len()) - at_a,
            _ => 1,
        };
        if byte == b'"' && b.get(at_b..at_b + length) != Some(&a[at_a..at_a + length]) {
            break;
        }
        (at_a, at_b) = (skip_white_space(a, at_a + length), skip_white_space(b, at_b + length));
    }
    (at_a, at_b)
}

/// Whether two values are the same but for white space between tokens.
pub fn are_same(a: &[u8], b: &[u8]) -> bool {
    in_common(a, b) == (a.len(), b.len())
}

/// Appends a value without white space between its tokens.
pub fn push_bare(text: &[u8], out: &mut Vec<u8>) {
    let mut at = skip_white_space(text, 0);
    while let Some(&byte) = text.get(at) {
        let end = if byte == b'"' { close_of_string(text, at).unwrap_or(text.len()) } else { at + 1 };
        out.extend_from_slice(&text[at..end]);
        at = skip_white_space(text, end);
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::*;
    use proptest::prelude::*;

    fn bare(text: &str) -> String {
        let mut out = Vec::new();
        push_bare(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn white_space_in_strings_counts() {
        let same = |a: &str, b: &str| are_same(a.as_bytes(), b.as_bytes());
        assert!(same("[1, 2]", "[ 1,2\n]") && same(r#"{"a b": " "}"#, r#"{"a b":" "}"#) && same("1", "1"));
        assert!(!same(r#"["a b"]"#, r#"["ab"]"#) && !same(r#"["\" ", 1]"#, r#"["\"", 1]"#) && !same("[12]", "[1,2]"));
        assert!(!same("[1]", "[1") && !same("[1", "[1]") && !same("[12]", "[123]"));
        assert_eq!(in_common(b"[1,  \"x\", 3]", b"[1,\"x\",4]"), (10, 7));
        assert_eq!(bare(" [ 1 , \"a \\\" b\" ,\t{ } ]\n"), "[1,\"a \\\" b\",{}]");
    }

    proptest! {
        #[test]
        fn a_value_is_the_same_in_any_layout(value in model(), other in model(), layouts in (format(), format())) {
            let (a, b) = (text_of(&value, &layouts.0), text_of(&value, &layouts.1));
            prop_assert!(are_same(a.trim().as_bytes(), b.trim().as_bytes()));
            prop_assert_eq!(bare(&a), bare(&b));
            let other = text_of(&other, &layouts.1);
            prop_assert_eq!(are_same(a.trim().as_bytes(), other.trim().as_bytes()), bare(&a) == bare(&other));
        }
    }
}
