//! Pictures say what they show, with text that needs no font of the system.

use super::*;
use crate::spec::ScorerName;
use crate::stats::wilson;
use crate::sweep::calibration::{Calibration, Caps};
use std::num::NonZeroU32;

fn report() -> Report {
    let mut points = Vec::new();
    let mut add = |series: Series, label: &str, curve: &[(f64, u64)]| {
        for &(computed, right) in curve {
            points.push(Point {
                series,
                label: label.to_owned(),
                budget: (series != Series::Greedy).then_some(computed as u64 * 2),
                size: 1,
                problems: 100,
                searches: 300,
                accuracy: right as f64 / 100.0,
                interval: wilson(right, 100).unwrap(),
                computed_mean: computed,
                computed_p95: computed as u64,
                computed_max: computed as u64,
                generated_mean: computed / 2.0,
                flops_mean: computed * 2.4e6,
                utilisation: None,
                exhausted: 0,
                no_answer: 0,
                failed: 0,
            });
        }
    };
    add(Series::Greedy, "greedy", &[(72.0, 31)]);
    let curve = [(70.0, 25), (120.0, 33), (220.0, 39), (430.0, 44), (860.0, 47), (1700.0, 48)];
    add(Series::Majority, "best-of-n (majority)", &curve);
    let curve = curve.map(|(computed, right)| (computed * 1.9, right + right / 4));
    add(Series::BestOfN, "best-of-n (prm)", &curve);
    let curve = curve.map(|(computed, right)| (computed * 1.02, right + 2));
    add(Series::Weighted, "best-of-n (weighted by prm)", &curve);
    let curve = curve.map(|(computed, right)| (computed * 0.9, right + right / 3));
    add(Series::Beam, "beam (prm)", &curve);
    let others = [
        Series::Dvts,
        Series::Rebase,
        Series::ParticleFilter,
        Series::Uct,
        Series::Puct,
        Series::Lookahead,
        Series::Gate,
        Series::AbMcts,
    ];
    for (at, series) in others.into_iter().enumerate() {
        let curve = curve.map(|(computed, right)| (computed * 1.1, right - 3 * at as u64));
        add(series, &series.label(ScorerName::Prm), &curve);
    }
    let calibration =
        Calibration { answers: 100, answer_p95: 50, step_p95: 16, step_mean: 12.0, steps_p95: 4 };
    let cap = NonZeroU32::new(75).unwrap();
    let caps = Caps { answer: cap, step: cap };
    Report { seeds: vec![1, 2, 3], budgets: vec![140], calibration, caps, points }
}

#[test]
fn svg_names_the_series_and_the_axes() {
    let svg = svg(&report()).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for text in [
        "greedy",
        "best-of-n (majority)",
        "best-of-n (prm)",
        "best-of-n (weighted by prm)",
        "beam (prm)",
        "particle-filter (prm)",
        "puct (prm)",
        "computed tokens a problem (policy and scorer)",
        "floating-point operations a problem",
        "problems solved, % (bars: 95 % intervals)",
        "500",
        "1 k",
        "1 G",
    ] {
        assert!(svg.contains(text), "`{text}` is not in the picture");
    }
}

#[test]
fn png_has_text_without_a_font_of_the_system() {
    let pixels = |report: &Report| {
        let file = png(report).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), SIZE);
        pixels
    };
    let first = report();
    let mut second = first.clone();
    second.points[0].label = "GREEDY".to_owned();
    let (first, second) = (pixels(&first), pixels(&second));
    let inked = first.iter().filter(|byte| **byte < 255).count();
    assert!((30_000..first.len() / 2).contains(&inked), "{inked}");
    // Another name, other pixels, in the line of names alone.
    let row = SIZE.0 as usize * 3;
    let differ: Vec<usize> = (0..SIZE.1 as usize)
        .filter(|y| first[y * row..][..row] != second[y * row..][..row])
        .collect();
    assert!(differ.len() > 5 && differ.iter().all(|y| (10..50).contains(y)), "{differ:?}");
}

#[test]
fn a_picture_of_nothing_is_empty_axes() {
    let mut empty = report();
    empty.points.clear();
    assert!(svg(&empty).unwrap().contains("problems solved, %"));
}

#[test]
fn ticks_are_round_numbers_in_range() {
    let axis = Decades::around(&[130.0, 4000.0]);
    let ticks = axis.key_points(plotters::coord::ranged1d::BoldPoints(10));
    let expected = [100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
    assert!(ticks.iter().zip(expected).all(|(tick, expected)| (tick - expected).abs() < 1e-6));
    assert_eq!(ticks.len(), expected.len());
    let shown: Vec<String> = ticks.iter().map(Decades::format).collect();
    assert_eq!(shown, ["100", "200", "500", "1 k", "2 k", "5 k"]);
    assert_eq!(axis.map(&axis.0.start, (10, 110)), 10);
    assert_eq!(axis.map(&axis.0.end, (10, 110)), 110);
}
