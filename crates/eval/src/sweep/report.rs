//! Reports: a sweep's points as a table, as JSON and as a picture.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SweepError;
use super::calibration::{Calibration, Caps};
use super::curve::Point;
#[cfg(feature = "picture")]
use super::picture;
use super::series::Series;
use crate::table::{align, human, interval, percent};

/// What a sweep found. `sweep.json` is this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The seeds of each point.
    pub seeds: Vec<u64>,
    /// The budgets, in computed tokens a problem.
    pub budgets: Vec<u64>,
    /// How long greedy answers are.
    pub calibration: Calibration,
    /// The most tokens of answers and steps of all series but greedy.
    pub caps: Caps,
    /// The points, by series and then by budget; the greedy one first.
    pub points: Vec<Point>,
}

impl Report {
    /// The points as aligned plain text, and what the columns mean.
    #[must_use]
    pub fn table(&self) -> String {
        let header = [
            "series",
            "budget",
            "size",
            "accuracy",
            "95 % interval",
            "n",
            "computed",
            "p95",
            "used",
            "generated",
            "FLOPs",
            "cut",
            "no answer",
            "failed",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        for point in &self.points {
            rows.push(vec![
                point.label.clone(),
                or_none(point.budget.map(|budget| budget.to_string())),
                point.size.to_string(),
                percent(point.accuracy),
                interval(&point.interval),
                point.problems.to_string(),
                human(point.computed_mean),
                human(point.computed_p95 as f64),
                or_none(point.utilisation.map(percent)),
                human(point.generated_mean),
                human(point.flops_mean),
                point.exhausted.to_string(),
                point.no_answer.to_string(),
                point.failed.to_string(),
            ]);
        }
        let seeds = self.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let Caps { answer, step } = self.caps;
        format!(
            "{}\nBudgets bound the tokens that policy and scorer compute for a problem; tokens and FLOPs are \
             means of a search.\nAccuracy is the mean over n problems of seeds {seeds}; intervals are \
             clustered by problem. Greedy runs once, without a budget.\nCut searches met their budget. \
             Answers of more than {answer} tokens and steps of more than {step} lead nowhere.\n",
            align(&rows)
        )
    }

    /// Points of one series that have a place on a curve, cheap ones first.
    #[must_use]
    pub fn curve(&self, series: Series) -> Vec<&Point> {
        self.points.iter().filter(|point| point.series == series).collect()
    }

    /// Writes `sweep.json` and `sweep.txt`, and where the build can draw, `sweep.svg` and `sweep.png`.
    /// Returns the files.
    ///
    /// # Errors
    ///
    /// [`SweepError::Write`] and [`SweepError::Draw`].
    pub fn write(&self, dir: &Path) -> Result<Vec<PathBuf>, SweepError> {
        let mut json = serde_json::to_string_pretty(self).map_err(|error| SweepError::Write {
            path: dir.join("sweep.json"),
            source: error.into(),
        })?;
        json.push('\n');
        let texts = [
            (dir.join("sweep.json"), json.into_bytes()),
            (dir.join("sweep.txt"), self.table().into_bytes()),
        ];
        let files: Vec<_> = texts.into_iter().chain(self.pictures(dir)?).collect();
        for (path, bytes) in &files {
            fs::write(path, bytes)
                .map_err(|source| SweepError::Write { path: path.clone(), source })?;
        }
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }

    #[cfg(feature = "picture")]
    fn pictures(&self, dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, SweepError> {
        let [svg, png] = ["sweep.svg", "sweep.png"].map(|name| dir.join(name));
        let failed = |path: &PathBuf, reason| SweepError::Draw { path: path.clone(), reason };
        let text = picture::svg(self).map_err(|reason| failed(&svg, reason))?;
        let pixels = picture::png(self).map_err(|reason| failed(&png, reason))?;
        Ok(vec![(svg, text.into_bytes()), (png, pixels)])
    }

    #[cfg(not(feature = "picture"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the one that draws")]
    fn pictures(&self, _: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, SweepError> {
        Ok(Vec::new())
    }
}
