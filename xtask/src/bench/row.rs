//! Rows: a number that is to be reached, and where it stands.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What a number is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    /// So many times the peer's.
    Peer,
    /// A number.
    Number,
}

/// One number of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its number in the table.
    pub(crate) number: u32,
    /// What is measured, with its unit.
    pub(crate) what: String,
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    /// What `ours`, or its ratio to the peer, is to be.
    pub(crate) target: f64,
    against: Against,
    /// How far it is reached: 1 is just reached, more is better.
    pub(crate) ratio: Option<f64>,
    /// What else one must know: the peer's setting, or why there is no number.
    pub(crate) note: String,
}

impl Row {
    /// At least `target` times the peer's number.
    pub(crate) fn times_peer(
        number: u32,
        what: String,
        ours: Option<f64>,
        peer: Option<f64>,
        target: f64,
        note: String,
    ) -> Self {
        let ratio = ours.zip(peer).map(|(ours, peer)| ours / peer / target);
        Self { number, what, ours, peer, target, against: Against::Peer, ratio, note }
    }

    /// `target` or more.
    pub(crate) fn at_least(number: u32, what: &str, ours: Option<f64>, target: f64) -> Self {
        let ratio = ours.map(|ours| ours / target);
        let (what, note) = (what.to_owned(), String::new());
        Self { number, what, ours, peer: None, target, against: Against::Number, ratio, note }
    }

    /// `target` or less.
    pub(crate) fn at_most(number: u32, what: &str, ours: Option<f64>, target: f64) -> Self {
        let ratio = ours.map(|ours| target / ours);
        Self { ratio, ..Self::at_least(number, what, ours, target) }
    }

    /// A count that is to be 0; its ratio is 1 or 0.
    pub(crate) fn never(number: u32, what: &str, ours: Option<f64>) -> Self {
        let ratio = ours.map(|ours| if ours > 0.0 { 0.0 } else { 1.0 });
        Self { ratio, ..Self::at_least(number, what, ours, 0.0) }
    }

    /// The same, with the peer's number, which the target does not depend on.
    pub(crate) fn beside(self, peer: Option<f64>) -> Self {
        Self { peer, ..self }
    }

    /// The same, with a note.
    pub(crate) fn noting(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// As one JSON object.
    pub(crate) fn json(&self) -> Value {
        let Self { number, what, ours, peer, target, ratio, note, .. } = self;
        json!({
            "row": number, "what": what, "ours": ours, "peer": peer, "target": target, "ratio": ratio,
            "note": note,
        })
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        let cells = self.cells();
        let mut line = format!("row {}, {}: {}", cells[0], cells[1], cells[2]);
        if self.peer.is_some() {
            let _ = write!(line, ", peer {}", cells[3]);
        }
        if !self.note.is_empty() {
            let _ = write!(line, " ({})", self.note);
        }
        line
    }

    fn cells(&self) -> [String; 7] {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), digits);
        let target = match (self.against, self.peer) {
            (Against::Peer, Some(_)) => format!("{} × peer", digits(self.target)),
            _ => digits(self.target),
        };
        [
            self.number.to_string(),
            self.what.clone(),
            number(self.ours),
            number(self.peer),
            target,
            self.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            self.note.clone(),
        ]
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    let whole = if value == 0.0 { 1.0 } else { value.abs().log10().floor() + 1.0 };
    let decimals = (3.0 - whole).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

/// The rows as a table.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["row", "what", "ours", "peer", "target", "reached", "note"].map(str::to_owned);
    let lines: Vec<[String; 7]> =
        std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let widths: [usize; 7] = std::array::from_fn(|at| {
        lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for cells in &lines {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_one_is_the_target_just_reached() {
        let peer = |ours| {
            Row::times_peer(1, "decode".to_owned(), ours, Some(100.0), 3.0, String::new()).ratio
        };
        assert_eq!(
            [peer(Some(300.0)), peer(Some(150.0)), peer(None)],
            [Some(1.0), Some(0.5), None]
        );
        assert_eq!(Row::at_least(10, "solved", Some(95.0), 95.0).ratio, Some(1.0));
        assert_eq!(Row::at_most(6, "µs", Some(4.0), 2.0).ratio, Some(0.5));
        let never = |ours| Row::never(9, "wrong", ours).ratio;
        assert_eq!([never(Some(0.0)), never(Some(2.0)), never(None)], [Some(1.0), Some(0.0), None]);
        let beside = Row::at_least(8, "answers", Some(50.0), 100.0).beside(Some(7.0));
        assert_eq!((beside.ratio, &*beside.cells()[4]), (Some(0.5), "100"));
    }

    #[test]
    fn tables_and_objects_say_the_same() {
        let peer = Row::times_peer(
            3,
            "prefill".to_owned(),
            Some(352.4),
            Some(470.0),
            2.0,
            "F32".to_owned(),
        );
        let bare = Row::at_most(6, "µs a node", Some(0.31), 2.0);
        let table = table(&[peer.clone(), bare]);
        assert!(table.lines().next().unwrap().starts_with("row"), "{table}");
        assert!(table.contains("352    470   2.00 × peer  0.37"), "{table}");
        assert!(table.contains("0.310  -     2.00         6.45"), "{table}");
        let object = peer.json();
        assert_eq!((object["row"].as_u64(), object["ours"].as_f64()), (Some(3), Some(352.4)));
        assert!(object["ratio"].as_f64().unwrap() < 0.38 && object["peer"] == 470.0);
    }
}
