//! HTML: a page with its style, its script and its data in one file.
//!
//! Nothing a model wrote is markup: data are JSON in elements that no browser runs, escaped so that no
//! text can end its element, and the script shows them as text. Only the script and the style with the
//! page's nonce, a hash of its data, are allowed, and no request to anywhere.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 5] = [
    include_str!("outline.js"),
    include_str!("pane.js"),
    include_str!("detail.js"),
    include_str!("timeline.js"),
    include_str!("page.js"),
];

/// Data in the page.
#[derive(Debug)]
pub(super) struct Element {
    /// Its id.
    pub(super) name: String,
    /// Its content.
    pub(super) json: String,
}

/// Writes the page.
pub(super) fn html(title: &str, elements: &[Element]) -> String {
    let mut digest = Sha256::new();
    let mut data = String::new();
    for Element { name, json } in elements {
        let json = inert(json);
        digest.update(json.as_bytes());
        data.push_str("<script type=\"application/json\" id=\"");
        data.push_str(name);
        data.push_str("\">");
        data.push_str(&json);
        data.push_str("</script>\n");
    }
    let mut nonce = String::new();
    for byte in digest.finalize().iter().take(16) {
        let _ = write!(nonce, "{byte:02x}");
    }
    let script = format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.join("\n"));
    let parts = [
        ("{{nonce}}", nonce.as_str()),
        ("{{title}}", &text(title)),
        ("{{style}}", STYLE),
        ("{{script}}", &script),
        ("{{data}}", &data),
    ];
    let mut html = String::with_capacity(data.len() + script.len() + STYLE.len() + PAGE.len());
    let mut rest = PAGE;
    // Each mark is looked for in the page's frame alone, never in what was put in.
    while let Some(at) = rest.find("{{") {
        html.push_str(&rest[..at]);
        let (mark, value) = parts
            .iter()
            .find(|(mark, _)| rest[at..].starts_with(mark))
            .expect("page.html has no other marks");
        html.push_str(value);
        rest = &rest[at + mark.len()..];
    }
    html + rest
}

/// JSON that can stand in a script element, whatever it says: all of these stand in strings only.
fn inert(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Text between tags.
fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_element_and_reads_back() {
        let hostile = "</script><script>alert(1)</script><!--\u{2028}&amp; {{script}}";
        let json = serde_json::to_string(hostile).unwrap();
        let html = html(hostile, &[Element { name: "page".to_owned(), json }]);
        assert!(html.contains("<title>&lt;/script&gt;"));
        let data = html.split_once("id=\"page\">").unwrap().1;
        let data = data.split_once("</script>").unwrap().0;
        assert_eq!(serde_json::from_str::<String>(data).unwrap(), hostile);
        assert!(!data.contains(['<', '>', '&', '\u{2028}']));
        // The data, the script and nothing more.
        assert_eq!(html.matches("<script").count(), 2);
        assert_eq!(html.matches("</script").count(), 2);
    }

    #[test]
    fn the_page_asks_for_nothing_elsewhere() {
        let html = html("x", &[]);
        for word in ["http:", "https:", "//cdn", "@import", "url(", "src=", "{{"] {
            assert!(!html.contains(word), "{word}");
        }
        assert!(html.contains("default-src 'none'"));
    }
}
