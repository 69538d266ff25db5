//! Absent: the tool that answers for those there are not.

use espalier_core::{Call, ImmediateTool, Observation, Tool};

/// A tool that says which tools there are, by these names, whatever it is called with: a name that none of them
/// has.
///
/// ```
/// use espalier_core::{Call, Seed, Tool, collect};
/// let mut absent = espalier_search::absent(&["python"]);
/// let call = Call { earlier: Vec::new(), input: "google".to_owned(), seed: Seed::run(1) };
/// let answer = collect(absent.calls(), [call]).remove(0).unwrap().unwrap();
/// assert_eq!(answer.output, "`google` is no tool; the tools are: python");
/// ```
pub fn absent(names: &[&str]) -> impl Tool + std::fmt::Debug + use<> {
    let names = names.join(", ");
    ImmediateTool::new("absent", move |call: &Call| {
        Ok(Observation::failed(format!("`{}` is no tool; the tools are: {names}", call.input)))
    })
}
