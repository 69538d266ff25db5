//! Pictures: accuracy against computed tokens and against FLOPs, as SVG and as PNG.
//!
//! No font of the system is needed: a small one is part of the binary, and lies in `data/font` with its
//! licence. SVG names it and leaves the drawing of text to the viewer.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::curve::Point;
use super::report::Report;
use super::series::Series;
use crate::table::human;

/// Width and height in pixels.
pub const SIZE: (u32, u32) = (1200, 520);

const FONT: &[u8] = include_bytes!("../../data/font/DejaVuSans-latin.ttf");
/// The font's name here and in SVG.
const FAMILY: &str = "DejaVu Sans, sans-serif";

/// Colours that people who confuse some can tell apart.
///
/// Source: Okabe and Ito 2008, <https://jfly.uni-koeln.de/color/>; without its yellow, which is faint on
/// white, and with a brown, a grey
/// and a dark teal.
fn colour(series: Series) -> RGBColor {
    match series {
        Series::Greedy => RGBColor(0, 0, 0),
        Series::Majority => RGBColor(0, 114, 178),
        Series::BestOfN => RGBColor(213, 94, 0),
        Series::Weighted => RGBColor(204, 121, 167),
        Series::Beam => RGBColor(0, 158, 115),
        Series::Dvts => RGBColor(86, 180, 233),
        Series::Rebase => RGBColor(230, 159, 0),
        Series::ParticleFilter => RGBColor(120, 72, 32),
        Series::Uct => RGBColor(130, 130, 130),
        Series::Puct => RGBColor(0, 73, 73),
        Series::AdaptiveConsistency => RGBColor(86, 86, 170),
        Series::Lookahead => RGBColor(150, 0, 60),
        Series::Gate => RGBColor(110, 150, 0),
        Series::AbMcts => RGBColor(180, 100, 20),
        Series::TotBfs => RGBColor(100, 0, 140),
        Series::TotDfs => RGBColor(200, 60, 60),
        Series::Revision => RGBColor(0, 100, 40),
        Series::Hybrid => RGBColor(60, 60, 60),
        Series::Graph => RGBColor(170, 130, 200),
    }
}

/// One panel: what is measured along its x axis.
struct Panel {
    title: &'static str,
    x: fn(&Point) -> f64,
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "computed tokens a problem (policy and scorer)",
        x: |point| point.computed_mean,
    },
    Panel { title: "floating-point operations a problem", x: |point| point.flops_mean },
];

/// The picture as SVG.
///
/// # Errors
///
/// What the drawing library says.
pub fn svg(report: &Report) -> Result<String, String> {
    let mut text = String::new();
    draw(report, SVGBackend::with_string(&mut text, SIZE))?;
    Ok(text)
}

/// The picture as PNG.
///
/// # Errors
///
/// What the drawing library and the encoder say.
pub fn png(report: &Report) -> Result<Vec<u8>, String> {
    let (width, height) = SIZE;
    let mut pixels = vec![0; (width * height * 3) as usize];
    draw(report, BitMapBackend::with_buffer(&mut pixels, SIZE))?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(file)
}

fn draw<B: DrawingBackend>(report: &Report, backend: B) -> Result<(), String> {
    register_font(FAMILY, FontStyle::Normal, FONT)
        .map_err(|_| "the font in the binary is damaged".to_owned())?;
    let area = backend.into_drawing_area();
    paint(report, &area).map_err(|error| error.to_string())
}

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn paint<B: DrawingBackend>(report: &Report, area: &DrawingArea<B, Shift>) -> Drawn<B> {
    area.fill(&WHITE)?;
    let rows = drawn(report).len().div_ceil(KEY_COLUMNS) as i32;
    let (legend, charts) = area.split_vertically(28 + KEY_ROW * rows);
    key(report, &legend)?;
    for (panel, area) in PANELS.iter().zip(charts.split_evenly((1, 2))) {
        chart(report, panel, &area)?;
    }
    area.present()
}

/// Names of series in a line.
const KEY_COLUMNS: usize = 4;

/// Pixels between these lines.
const KEY_ROW: i32 = 24;

/// The names of the series above the panels.
fn key<B: DrawingBackend>(report: &Report, area: &DrawingArea<B, Shift>) -> Drawn<B> {
    let style = (FAMILY, 15).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let column = (SIZE.0 as i32 - 2 * 74) / KEY_COLUMNS as i32;
    for (at, series) in drawn(report).into_iter().enumerate() {
        let Some(first) = report.curve(series).first().copied() else { continue };
        let x = 74 + column * (at % KEY_COLUMNS) as i32;
        let y = 28 + KEY_ROW * (at / KEY_COLUMNS) as i32;
        let colour = colour(series);
        area.draw(&PathElement::new([(x, y), (x + 30, y)], colour.stroke_width(2)))?;
        marker(area, series, (x + 15, y))?;
        area.draw(&Text::new(first.label.clone(), (x + 38, y), style.clone()))?;
    }
    Ok(())
}

fn chart<B: DrawingBackend>(
    report: &Report,
    panel: &Panel,
    area: &DrawingArea<B, Shift>,
) -> Drawn<B> {
    let xs: Vec<f64> = report.points.iter().map(panel.x).filter(|x| *x > 0.0).collect();
    let high = report.points.iter().map(|point| point.interval.high).fold(0.0, f64::max) * 100.0;
    let top = ((high / 10.0).ceil() * 10.0).clamp(10.0, 100.0);
    let mut chart = ChartBuilder::on(area)
        .margin_left(8)
        .margin_right(24)
        .margin_bottom(10)
        .x_label_area_size(54)
        .y_label_area_size(64)
        .build_cartesian_2d(Decades::around(&xs), 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc(panel.title)
        .y_desc("problems solved, % (bars: 95 % intervals)")
        .axis_desc_style((FAMILY, 16))
        .label_style((FAMILY, 14))
        .y_labels(11)
        .x_labels(8)
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(224, 224, 224))
        .draw()?;
    for series in drawn(report) {
        let points: Vec<(f64, &Point)> = report
            .curve(series)
            .into_iter()
            .map(|point| ((panel.x)(point), point))
            .filter(|(x, _)| *x > 0.0)
            .collect();
        let colour = colour(series);
        if series == Series::Greedy {
            let (low, high) = (xs.iter().copied().fold(f64::MAX, f64::min), f64::MAX);
            let ends = Decades::around(&xs).0;
            for (_, point) in &points {
                let y = point.accuracy * 100.0;
                let line = [(low.max(ends.start), y), (high.min(ends.end), y)];
                chart.draw_series(DashedLineSeries::new(line, 6, 4, colour.mix(0.5).into()))?;
            }
        }
        let line = points.iter().map(|(x, point)| (*x, point.accuracy * 100.0));
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        for (x, point) in &points {
            let (low, high) = (point.interval.low * 100.0, point.interval.high * 100.0);
            let bar = ErrorBar::new_vertical(
                *x,
                low,
                point.accuracy * 100.0,
                high,
                colour.mix(0.7).filled(),
                7,
            );
            chart.draw_series(std::iter::once(bar))?;
            let at = chart.backend_coord(&(*x, point.accuracy * 100.0));
            let (from, _) = area.get_pixel_range();
            let rows = area.get_pixel_range().1;
            marker(area, series, (at.0 - from.start, at.1 - rows.start))?;
        }
    }
    Ok(())
}

/// The sign of a series, so that colour is not all that tells it from others.
fn marker<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    series: Series,
    at: (i32, i32),
) -> Drawn<B> {
    let fill = colour(series).filled();
    let (x, y) = at;
    let outline = |mut corners: Vec<(i32, i32)>| {
        corners.push(corners[0]);
        area.draw(&PathElement::new(corners, colour(series).stroke_width(2)))
    };
    match series {
        Series::Greedy => {
            area.draw(&Polygon::new([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)], fill))
        }
        Series::Majority => area.draw(&Rectangle::new([(x - 5, y - 5), (x + 5, y + 5)], fill)),
        Series::BestOfN => area.draw(&Circle::new(at, 5, fill)),
        Series::Weighted => {
            area.draw(&Polygon::new([(x - 6, y - 5), (x + 6, y - 5), (x, y + 6)], fill))
        }
        Series::Beam => {
            area.draw(&Polygon::new([(x - 6, y + 5), (x + 6, y + 5), (x, y - 6)], fill))
        }
        Series::Dvts => outline(vec![(x - 6, y + 5), (x + 6, y + 5), (x, y - 6)]),
        Series::Rebase => {
            outline(vec![(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)])
        }
        Series::ParticleFilter => outline(vec![(x - 6, y - 5), (x + 6, y - 5), (x, y + 6)]),
        Series::Uct => outline(vec![(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)]),
        Series::Puct => area.draw(&Cross::new(at, 5, colour(series).stroke_width(2))),
        Series::AdaptiveConsistency => {
            area.draw(&Circle::new(at, 5, colour(series).stroke_width(2)))
        }
        Series::Lookahead => {
            area.draw(&Polygon::new([(x - 5, y - 6), (x + 6, y), (x - 5, y + 6)], fill))
        }
        Series::Gate => outline(vec![(x - 5, y - 6), (x + 6, y), (x - 5, y + 6)]),
        Series::AbMcts => {
            area.draw(&Polygon::new([(x + 5, y - 6), (x - 6, y), (x + 5, y + 6)], fill))
        }
        Series::TotBfs => outline(vec![(x + 5, y - 6), (x - 6, y), (x + 5, y + 6)]),
        Series::TotDfs => {
            outline(vec![(x - 6, y - 6), (x + 6, y - 6), (x - 6, y + 6), (x + 6, y + 6)])
        }
        Series::Revision => {
            area.draw(&PathElement::new([(x, y - 7), (x, y + 7)], colour(series).stroke_width(3)))
        }
        Series::Hybrid => {
            area.draw(&PathElement::new([(x - 7, y), (x + 7, y)], colour(series).stroke_width(3)))
        }
        Series::Graph => {
            outline(vec![(x - 6, y - 6), (x - 6, y + 6), (x + 6, y - 6), (x + 6, y + 6)])
        }
    }
}

/// The series of a report, in the order of the table.
fn drawn(report: &Report) -> Vec<Series> {
    let mut series: Vec<Series> = report.points.iter().map(|point| point.series).collect();
    series.dedup();
    series
}

/// A logarithmic axis that is labelled at 1, 2 and 5 times powers of ten.
struct Decades(Range<f64>);

impl Decades {
    /// The axis that holds `values`, with some room at both ends.
    fn around(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        if low > high { Self(1.0..10.0) } else { Self(low / 1.35..high * 1.35) }
    }
}

impl Ranged for Decades {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value / self.0.start).ln() / (self.0.end / self.0.start).ln();
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let (first, last) = (self.0.start.log10().floor(), self.0.end.log10().ceil());
        let ticks = |steps: &[f64]| -> Vec<f64> {
            (first as i32..=last as i32)
                .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
                .filter(|tick| self.0.contains(tick))
                .collect()
        };
        let fine = ticks(&[1.0, 2.0, 5.0]);
        if fine.len() > hint.max_num_points() { ticks(&[1.0]) } else { fine }
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

impl ValueFormatter<f64> for Decades {
    fn format(value: &f64) -> String {
        human(*value).replace(".00", "").replace(".0 ", " ")
    }
}

#[cfg(test)]
mod tests;
