//! The strategies under test, by number, and one made up to use all the driver can do.

use std::sync::Arc;

use espalier_core::{
    Account, Aggregate, Ask, Finish, NodeId, Profile, Retain, Round, ScorerId, Seed, ToolId, Until,
};
use espalier_search::{
    AbMcts, AdaptiveConsistency, BadStrategy, Beam, BestOfN, Bin, Coding, ComputeOptimal, Dvts,
    Gate, GraphOfThoughts, Greedy, Lookahead, OnFail, Pal, ParticleFilter, Puct, ReAct, Rebase,
    Registry, Revision, ScTir, SelfConsistency, Strategy, ToRa, TotBfs, TotDfs, Tree, Uct,
    belief::Prior,
    render,
    thoughts::{Evaluate, Generate},
};

use crate::{
    caller::Caller,
    forms,
    prompter::Prompter,
    tools::Marks,
    toys::{LastLetter, World},
};

/// How many there are.
pub(crate) const KINDS: usize = CALLER + 1;
/// Those that call tools.
pub(crate) const SC_TIR: usize = 25;
pub(crate) const RESTARTS: usize = 26;
pub(crate) const PAL: usize = 27;
pub(crate) const TORA: usize = 28;
/// Those that search step by step and run code.
pub(crate) const CODING_BEAM: usize = 29;
pub(crate) const CODING_UCT: usize = 30;
pub(crate) const CODING_PUCT: usize = 31;
/// The one that calls tools by their names, in a world where the policy does so.
pub(crate) const REACT: usize = 32;
pub(crate) const CALLING: [usize; 9] =
    [SC_TIR, RESTARTS, PAL, TORA, CODING_BEAM, CODING_UCT, CODING_PUCT, REACT, CALLER];
/// The three that are made up.
const EXPLORER: usize = REACT + 1;
pub(crate) const PROMPTER: usize = EXPLORER + 1;
pub(crate) const CALLER: usize = PROMPTER + 1;
/// Those that are shipped.
pub(crate) const SHIPPED: std::ops::Range<usize> = 0..EXPLORER;
/// Those that ask with prompts.
pub(crate) const PROMPTED: [usize; 7] = [15, 16, 17, REVISION, GRAPH, NEXT, PROMPTER];
/// Those whose policy judges its own steps.
pub(crate) const TOT: std::ops::Range<usize> = 15..REVISION;
/// The one that revises answers.
pub(crate) const REVISION: usize = 18;
/// A beam whose next steps are replies to prompts.
pub(crate) const NEXT: usize = 23;
/// A tree of thoughts whose steps are scored as they are made.
pub(crate) const SCORED_TOT: usize = 24;
/// A beam that draws duplicates anew.
pub(crate) const REDRAWS: usize = 21;
/// The one that chooses by difficulty.
pub(crate) const COMPUTE_OPTIMAL: usize = 22;
/// Monte-Carlo tree search that values steps by rollouts.
pub(crate) const ROLLOUTS: usize = 20;
/// The one that merges them.
pub(crate) const GRAPH: usize = 19;
/// Those that score no node.
pub(crate) const UNSCORED: [usize; 11] =
    [0, 2, ADAPTIVE, 15, 16, 17, SC_TIR, RESTARTS, PAL, TORA, REACT];
/// Those that search step by step.
pub(crate) const STEPWISE: [usize; 14] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, SCORED_TOT];
/// The Monte-Carlo tree searches.
pub(crate) const MCTS: [usize; 2] = [8, 9];
/// The one that scores only ends of rollouts.
pub(crate) const LOOKAHEAD: usize = 10;
/// Those that draw what to grow, with a normal and with a Beta prior.
pub(crate) const THOMPSON: [usize; 2] = [11, 12];
/// The one that stops when its vote is decided.
pub(crate) const ADAPTIVE: usize = 13;
/// The one that scores only where a problem is hard.
pub(crate) const GATE: usize = 14;
/// The rank strategies: only the order of scores matters to them.
pub(crate) const RANKING: [usize; 6] = [1, 3, 4, 5, LOOKAHEAD, REDRAWS];

/// The scorer of every strategy here.
pub(crate) const SCORER: ScorerId = ScorerId(0);

/// The tool whose observations go on, and the one whose observations end the answer.
pub(crate) const ABACUS: ToolId = ToolId(0);
pub(crate) const ENDING: ToolId = ToolId(1);

pub(crate) fn marks() -> Arc<dyn Profile> {
    Arc::new(Marks(Finish::Step))
}

pub(crate) fn coding() -> Coding {
    Coding { tool: ABACUS, profile: marks() }
}

pub(crate) type Built = Result<Box<dyn Strategy>, BadStrategy>;

pub(crate) fn of(kind: usize, seed: u64) -> Box<dyn Strategy> {
    let built = match kind {
        0 => Ok(Box::new(Greedy) as _),
        1 => boxed(BestOfN::new(5, SCORER)),
        2 => boxed(SelfConsistency::new(4)),
        3 => beam(2, None, 6, Aggregate::Last),
        4 => beam(2, Some(6), 5, Aggregate::Min),
        5 => dvts(2, Some(6), 5, Aggregate::Last),
        6 => rebase(6, 0.2, 5, Aggregate::Last),
        7 => particles(6, 0.2, 5, Aggregate::Last),
        8 => boxed(Uct::new(2, 8, 5, 0.5, SCORER)),
        9 => boxed(Puct::new(3, 6, 5, 1.0, SCORER)),
        LOOKAHEAD => lookahead(2, None, 4, 2),
        11 => ab_mcts(12, 5, Prior::GAUSSIAN),
        12 => ab_mcts(12, 5, Prior::JEFFREYS),
        ADAPTIVE => adaptive(7, 2, 0.9),
        GATE => gate(3, 0.6, Beam::new(2, None, 4, SCORER, Aggregate::Last)),
        15 => tot_bfs(2, 4, Generate::Sample(3), Evaluate::Value(forms::VALUE, 2)),
        16 => tot_bfs(2, 3, Generate::Propose(forms::PROPOSE), Evaluate::Vote(forms::VOTE, 3)),
        17 => {
            tot_dfs(5, 4, 0.4, Generate::Propose(forms::PROPOSE), Evaluate::Value(forms::VALUE, 1))
        }
        REVISION => revision(2, 2),
        GRAPH => graph(5, 2, 2),
        REDRAWS => {
            boxed(Beam::new(2, None, 6, SCORER, Aggregate::Last).map(|beam| beam.with_redraws(2)))
        }
        NEXT => {
            let beam = Beam::new(2, None, 5, SCORER, Aggregate::Last);
            boxed(beam.map(|beam| beam.with_redraws(1).with_form(forms::PROPOSE)))
        }
        SCORED_TOT => boxed(TotDfs::new(6, 5, 0.4, Generate::Sample(3), Evaluate::Score, SCORER)),
        ROLLOUTS => boxed(Uct::new(2, 5, 4, 0.5, SCORER).map(|uct| uct.with_rollouts(2))),
        COMPUTE_OPTIMAL => compute_optimal(
            3,
            [
                (Some(0.4), Some(dvts(2, Some(4), 3, Aggregate::Last))),
                (Some(0.5), Some(boxed(BestOfN::new(2, SCORER)))),
                (Some(0.65), Some(beam(2, None, 4, Aggregate::Last))),
                (None, None),
            ],
        ),
        SC_TIR => boxed(ScTir::new(4, 3, OnFail::Prune, ABACUS, marks())),
        RESTARTS => boxed(ScTir::new(3, 4, OnFail::Restart, ABACUS, marks())),
        PAL => boxed(Pal::new(4, ENDING, Arc::new(Marks(Finish::Eos)))),
        TORA => boxed(ToRa::new(3, 3, ABACUS, marks())),
        CODING_BEAM => {
            let beam = Beam::new(2, None, 5, SCORER, Aggregate::Last);
            boxed(beam.map(|beam| beam.with_code(coding())))
        }
        CODING_UCT => {
            let uct = Uct::new(2, 8, 9, 0.5, SCORER);
            boxed(uct.map(|uct| uct.with_code(coding()).with_rollouts(1)))
        }
        CODING_PUCT => {
            let puct = Puct::new(2, 8, 9, 1.0, SCORER);
            boxed(puct.map(|puct| puct.with_code(coding())))
        }
        REACT => react(3, 3),
        CALLER => Ok(Box::new(Caller::new(seed)) as _),
        PROMPTER => Ok(Box::new(Prompter::new(seed)) as _),
        _ => Ok(Box::new(Explorer { seed: Seed::run(seed), rounds: 0 }) as _),
    };
    built.expect("these numbers are sound")
}

pub(crate) fn boxed(built: Result<impl Strategy + 'static, BadStrategy>) -> Built {
    built.map(|strategy| Box::new(strategy) as _)
}

pub(crate) fn beam(width: u32, n: Option<u32>, depth: u32, how: Aggregate) -> Built {
    boxed(Beam::new(width, n, depth, SCORER, how))
}

pub(crate) fn dvts(width: u32, n: Option<u32>, depth: u32, how: Aggregate) -> Built {
    boxed(Dvts::new(width, n, depth, SCORER, how))
}

pub(crate) fn rebase(n: u32, temperature: f64, depth: u32, how: Aggregate) -> Built {
    boxed(Rebase::new(n, temperature, depth, SCORER, how))
}

pub(crate) fn particles(n: u32, temperature: f64, depth: u32, how: Aggregate) -> Built {
    boxed(ParticleFilter::new(n, temperature, depth, SCORER, how))
}

pub(crate) fn lookahead(width: u32, n: Option<u32>, depth: u32, steps: u32) -> Built {
    boxed(Lookahead::new(width, n, depth, steps, SCORER))
}

pub(crate) fn ab_mcts(n: u32, depth: u32, prior: Prior) -> Built {
    boxed(AbMcts::new(n, depth, prior, SCORER))
}

pub(crate) fn adaptive(n: u32, batch: u32, confidence: f64) -> Built {
    boxed(AdaptiveConsistency::new(n, batch, confidence, Arc::new(LastLetter)))
}

pub(crate) fn gate(n: u32, agreement: f64, beam: Result<Beam, BadStrategy>) -> Built {
    boxed(Gate::new(n, agreement, Arc::new(LastLetter), beam?))
}

/// The first tool by its name; the other answers for all other names.
pub(crate) fn react(n: u32, calls: u32) -> Built {
    let registry = Registry { tools: vec![("abacus".to_owned(), ABACUS)], absent: ENDING };
    boxed(ReAct::new(n, calls, registry))
}

/// Bins, each with its bound and what goes on there.
pub(crate) fn compute_optimal(
    first: u32,
    bins: impl IntoIterator<Item = (Option<f64>, Option<Built>)>,
) -> Built {
    let bin = |(below, then): (_, Option<Built>)| Ok(Bin { below, then: then.transpose()? });
    let bins = bins.into_iter().map(bin).collect::<Result<_, BadStrategy>>()?;
    boxed(ComputeOptimal::new(first, SCORER, bins))
}

/// As whose scores judgements are kept.
pub(crate) const JUDGE: ScorerId = ScorerId(3);

pub(crate) fn tot_bfs(breadth: u32, depth: u32, make: Generate, judge: Evaluate) -> Built {
    boxed(TotBfs::new(breadth, depth, make, judge, JUDGE))
}

pub(crate) fn tot_dfs(
    visits: u32,
    depth: u32,
    threshold: f64,
    make: Generate,
    judge: Evaluate,
) -> Built {
    boxed(TotDfs::new(visits, depth, threshold, make, judge, JUDGE))
}

pub(crate) fn revision(chains: u32, revisions: u32) -> Built {
    boxed(Revision::new(chains, revisions, forms::REVISE, SCORER))
}

pub(crate) fn graph(n: u32, group: u32, attempts: u32) -> Built {
    boxed(GraphOfThoughts::new(n, group, attempts, forms::MERGE, SCORER))
}

/// Grows and scores at random: several asks of one parent, asks of nothing, every `Until`, scores of
/// old nodes.
struct Explorer {
    seed: Seed,
    rounds: u64,
}

impl Strategy for Explorer {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        self.rounds += 1;
        if self.rounds > 7 {
            return Round::end();
        }
        let seed = self.seed.fold(self.rounds);
        let open: Vec<NodeId> = tree.ids().filter(|&id| tree.expandable(id)).collect();
        let mut asks = Vec::new();
        for draw in 0..3 {
            let parent = open[(seed.uniform(draw) * open.len() as f64) as usize];
            let until = match seed.fold(draw).bits() % 3 {
                0 => Until::Boundary,
                1 => Until::End,
                _ => Until::Tokens(3),
            };
            asks.push(Ask::sample(parent, (seed.fold(draw).bits() % 4) as u32, until));
        }
        let unscored =
            |&id: &NodeId| id != NodeId::ROOT && tree.node(id).score(ScorerId(0)).is_none();
        if let Some(node) = tree.ids().find(unscored) {
            asks.insert(1, Ask::Score { node, scorer: ScorerId(0) });
        }
        let score = self.rounds.is_multiple_of(2).then_some(ScorerId(0));
        Round { asks, score, retain: Retain::All }
    }

    fn name(&self) -> &'static str {
        "explorer"
    }
}

/// Asks these rounds, then ends.
pub(crate) struct Script(pub(crate) Vec<Round>);

impl Strategy for Script {
    fn next(&mut self, _: &Tree, _: &Account) -> Round {
        if self.0.is_empty() { Round::end() } else { self.0.remove(0) }
    }

    fn name(&self) -> &'static str {
        "script"
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let error = |built: Built| match built {
        Ok(_) => panic!("built"),
        Err(error) => error.to_string(),
    };
    let last = Aggregate::Last;
    insta::assert_snapshot!(error(beam(0, None, 3, last)), @"`--width` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(2, None, 0, last)), @"`--depth` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(2, Some(0), 3, last)), @"`--n` is 0; give at least 1");
    insta::assert_snapshot!(error(beam(4, Some(6), 3, last)), @"`--n` 6 is not a multiple of `--width` 4; give 4, 8, … or leave `--n` out");
    insta::assert_snapshot!(error(beam(70_000, None, 3, last)), @"`--width` 70000 is too large: its square is the number of candidates; give `--n`");
    assert_eq!(BestOfN::new(0, ScorerId(0)).err(), Some(BadStrategy::Zero { flag: "--n" }));
    assert_eq!(SelfConsistency::new(0).err(), Some(BadStrategy::Zero { flag: "--n" }));
    insta::assert_snapshot!(error(rebase(4, 0.0, 3, last)), @"`--score-temperature` is 0; give a finite number above 0");
    insta::assert_snapshot!(error(particles(4, f64::NAN, 3, last)), @"`--score-temperature` is NaN; give a finite number above 0");
    insta::assert_snapshot!(error(boxed(Uct::new(2, 0, 3, 1.0, SCORER))), @"`--simulations` is 0; give at least 1");
    insta::assert_snapshot!(error(boxed(Uct::new(2, 9, 3, -1.0, SCORER))), @"`--exploration` is -1; give a finite number of at least 0");
    insta::assert_snapshot!(error(boxed(Puct::new(2, 9, 3, f64::INFINITY, SCORER))), @"`--exploration` is inf; give a finite number of at least 0");
    insta::assert_snapshot!(error(adaptive(4, 1, 0.0)), @"`--confidence` is 0; give a number above 0 and at most 1");
    insta::assert_snapshot!(error(gate(4, 1.5, Beam::new(2, None, 3, SCORER, last))), @"`--agreement` is 1.5; give a number above 0 and at most 1");
    insta::assert_snapshot!(error(ab_mcts(4, 3, Prior::Beta { a: 0.0, b: 1.0 })), @"`--prior-a` is 0; give a finite number above 0");
    let wild = Prior::Gaussian { mean: f64::NAN, kappa: 1.0, nu: 1.0, tau_square: 1.0 };
    insta::assert_snapshot!(error(ab_mcts(4, 3, wild)), @"`--prior-mean` is NaN; give a finite number");
    let ending = |bounds: &[Option<f64>]| compute_optimal(4, bounds.iter().map(|&one| (one, None)));
    insta::assert_snapshot!(error(ending(&[Some(0.5), Some(0.5), None])), @"bin 2 of `--table` ends below 0.5; bounds are finite and ascend, and the last bin alone has none");
    insta::assert_snapshot!(error(ending(&[None, None])), @"bin 1 of `--table` has no bound; bounds are finite and ascend, and the last bin alone has none");
    insta::assert_snapshot!(error(ending(&[Some(0.25)])), @"bin 1 of `--table` ends below 0.25; bounds are finite and ascend, and the last bin alone has none");
    insta::assert_snapshot!(error(ending(&[Some(f64::INFINITY), None])), @"bin 1 of `--table` ends below inf; bounds are finite and ascend, and the last bin alone has none");
    assert!(ending(&[Some(f64::NAN), None]).is_err());
    let zero = |flag| Some(BadStrategy::Zero { flag });
    assert_eq!(ending(&[]).err(), zero("--table"));
    assert_eq!(compute_optimal(0, [(None, None)]).err(), zero("--first"));
    assert_eq!(adaptive(4, 0, 0.9).err(), zero("--batch"));
    for built in [
        adaptive(0, 1, 0.9),
        gate(0, 0.5, Beam::new(2, None, 3, SCORER, last)),
        ab_mcts(0, 3, Prior::GAUSSIAN),
    ] {
        assert_eq!(built.err(), zero("--n"));
    }
    assert_eq!(ab_mcts(4, 0, Prior::GAUSSIAN).err(), zero("--depth"));
    let (make, judge) = (Generate::Sample(3), Evaluate::Value(forms::VALUE, 2));
    assert_eq!(tot_bfs(0, 3, make, judge).err(), zero("--breadth"));
    assert_eq!(tot_bfs(2, 0, make, judge).err(), zero("--depth"));
    assert_eq!(tot_dfs(2, 0, 0.0, make, judge).err(), zero("--depth"));
    assert_eq!(tot_dfs(0, 2, 0.0, make, judge).err(), zero("--visits"));
    assert_eq!(tot_dfs(2, 2, 0.0, Generate::Sample(0), judge).err(), zero("--n"));
    assert_eq!(tot_bfs(2, 2, make, Evaluate::Vote(forms::VOTE, 0)).err(), zero("--judgements"));
    insta::assert_snapshot!(error(tot_dfs(2, 2, f64::NAN, make, judge)), @"`--threshold` is NaN; give a finite number");
    let sc_tir = |width, depth| boxed(ScTir::new(width, depth, OnFail::Prune, ABACUS, marks()));
    assert_eq!(sc_tir(0, 2).err(), zero("--width"));
    assert_eq!(sc_tir(2, 0).err(), zero("--depth"));
    assert_eq!(boxed(Pal::new(0, ABACUS, marks())).err(), zero("--n"));
    let tora = |n, calls| boxed(ToRa::new(n, calls, ABACUS, marks()));
    assert_eq!((tora(0, 2).err(), tora(2, 0).err()), (zero("--n"), zero("--calls")));
    assert_eq!((react(0, 2).err(), react(2, 0).err()), (zero("--n"), zero("--calls")));
    assert_eq!(revision(0, 2).err(), zero("--chains"));
    assert_eq!(graph(0, 2, 2).err(), zero("--n"));
    assert_eq!(graph(4, 2, 0).err(), zero("--attempts"));
    insta::assert_snapshot!(error(graph(4, 1, 2)), @"`--group` is 1; give at least 2");
    for built in
        [dvts(0, None, 3, last), lookahead(0, None, 3, 1), boxed(Puct::new(0, 9, 3, 1.0, SCORER))]
    {
        assert_eq!(built.err(), zero("--width"));
    }
    for built in [
        dvts(2, None, 0, last),
        rebase(2, 1.0, 0, last),
        particles(2, 1.0, 0, last),
        lookahead(2, None, 0, 1),
        boxed(Uct::new(2, 9, 0, 1.0, SCORER)),
    ] {
        assert_eq!(built.err(), zero("--depth"));
    }
    for built in [rebase(0, 1.0, 3, last), particles(0, 1.0, 3, last)] {
        assert_eq!(built.err(), zero("--n"));
    }
    for built in [dvts(4, Some(6), 3, last), lookahead(4, Some(6), 3, 1)] {
        assert_eq!(built.err(), Some(BadStrategy::NotMultiple { n: 6, width: 4 }));
    }
}

/// No knob without effect: each changes the tree of some seed.
#[test]
fn every_knob_turns_something() {
    let last = Aggregate::Last;
    let uct = |width, simulations, depth, c| boxed(Uct::new(width, simulations, depth, c, SCORER));
    let puct =
        |width, simulations, depth, c| boxed(Puct::new(width, simulations, depth, c, SCORER));
    let hard = |depth| Beam::new(2, None, depth, SCORER, last);
    let flat = Prior::Gaussian { mean: 1.0, kappa: 1.0, nu: 1.0, tau_square: 0.1 };
    let (make, judge) = (Generate::Sample(3), Evaluate::Value(forms::VALUE, 2));
    let (propose, vote) = (Generate::Propose(forms::PROPOSE), Evaluate::Vote(forms::VOTE, 3));
    let bounded = |first, bound, depth| {
        let then = Some(beam(2, None, depth, last));
        compute_optimal(first, [(Some(bound), then), (None, None)])
    };
    let sc_tir = |width, depth, on_fail| boxed(ScTir::new(width, depth, on_fail, ABACUS, marks()));
    let tora = |n, calls| boxed(ToRa::new(n, calls, ABACUS, marks()));
    let pairs: [&dyn Fn() -> [Built; 2]; 51] = [
        &|| [sc_tir(3, 3, OnFail::Prune), sc_tir(4, 3, OnFail::Prune)],
        &|| [sc_tir(3, 3, OnFail::Prune), sc_tir(3, 2, OnFail::Prune)],
        &|| [sc_tir(3, 3, OnFail::Prune), sc_tir(3, 3, OnFail::Restart)],
        &|| [tora(3, 2), tora(3, 1)],
        &|| [tora(3, 2), tora(2, 2)],
        &|| [bounded(3, 0.5, 4), bounded(4, 0.5, 4)],
        &|| [bounded(3, 0.5, 4), bounded(3, 0.3, 4)],
        &|| [bounded(3, 0.5, 4), bounded(3, 0.5, 2)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(3, 4, make, judge)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(2, 3, make, judge)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(2, 4, Generate::Sample(2), judge)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(2, 4, propose, judge)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(2, 4, make, vote)],
        &|| [tot_bfs(2, 4, make, judge), tot_bfs(2, 4, make, Evaluate::Value(forms::VALUE, 5))],
        &|| [tot_bfs(2, 4, make, vote), tot_bfs(2, 4, make, Evaluate::Vote(forms::VOTE, 5))],
        &|| [tot_dfs(5, 4, 0.4, make, judge), tot_dfs(4, 4, 0.4, make, judge)],
        &|| [tot_dfs(5, 4, 0.4, make, judge), tot_dfs(5, 2, 0.4, make, judge)],
        &|| [tot_dfs(5, 4, 0.4, make, judge), tot_dfs(5, 4, 1.2, make, judge)],
        &|| [tot_dfs(5, 4, 0.4, make, judge), tot_dfs(5, 4, 0.4, make, vote)],
        &|| [revision(2, 2), revision(3, 2)],
        &|| [revision(2, 2), revision(2, 1)],
        &|| [graph(6, 2, 2), graph(5, 2, 2)],
        &|| [graph(6, 2, 2), graph(6, 3, 2)],
        &|| [graph(6, 2, 2), graph(6, 2, 1)],
        &|| [ab_mcts(12, 5, Prior::GAUSSIAN), ab_mcts(12, 5, Prior::JEFFREYS)],
        &|| [ab_mcts(12, 5, Prior::GAUSSIAN), ab_mcts(12, 5, flat)],
        &|| [ab_mcts(12, 5, Prior::GAUSSIAN), ab_mcts(12, 2, Prior::GAUSSIAN)],
        &|| [adaptive(8, 1, 0.9), adaptive(8, 1, 0.7)],
        &|| [adaptive(8, 1, 0.7), adaptive(8, 3, 0.7)],
        &|| [adaptive(8, 1, 0.9), adaptive(5, 1, 0.9)],
        &|| [gate(3, 0.6, hard(4)), gate(3, 0.9, hard(4))],
        &|| [gate(3, 0.6, hard(4)), gate(4, 0.6, hard(4))],
        &|| [gate(3, 0.6, hard(4)), gate(3, 0.6, hard(2))],
        &|| [dvts(2, Some(6), 5, last), dvts(3, Some(6), 5, last)],
        &|| [dvts(2, Some(6), 5, last), dvts(2, Some(4), 5, last)],
        &|| [dvts(2, None, 5, last), dvts(2, None, 3, last)],
        &|| [dvts(2, None, 5, last), dvts(2, None, 5, Aggregate::Min)],
        &|| [rebase(6, 0.2, 5, last), rebase(5, 0.2, 5, last)],
        &|| [rebase(6, 0.2, 5, last), rebase(6, 0.5, 5, last)],
        &|| [rebase(6, 0.2, 5, last), rebase(6, 0.2, 3, last)],
        &|| [rebase(6, 0.2, 5, last), rebase(6, 0.2, 5, Aggregate::Mean)],
        &|| [particles(6, 0.2, 5, last), particles(6, 0.5, 5, last)],
        &|| [particles(6, 0.2, 5, last), particles(6, 0.2, 3, last)],
        &|| [particles(6, 0.2, 5, last), particles(6, 0.2, 5, Aggregate::Prod)],
        &|| [uct(2, 12, 5, 0.5), uct(2, 12, 5, 2.0)],
        &|| [uct(2, 12, 5, 0.5), uct(2, 11, 5, 0.5)],
        &|| [uct(2, 12, 5, 0.5), uct(2, 12, 2, 0.5)],
        &|| [puct(2, 12, 5, 0.5), puct(2, 12, 5, 4.0)],
        &|| [puct(2, 12, 5, 1.0), uct(2, 12, 5, 1.0)],
        &|| [lookahead(2, None, 4, 1), lookahead(2, None, 4, 2)],
        &|| [lookahead(2, None, 4, 1), lookahead(2, None, 3, 1)],
    ];
    for (index, pair) in pairs.iter().enumerate() {
        let differ = |seed| {
            let world = World { boundary: 0.4, eos: 0.1, ..World::new(0, seed) };
            let [one, other] = pair().map(|built| render(&world.search(built.unwrap()).tree));
            one != other
        };
        assert!((0..20).any(differ), "pair {index}");
    }
    let turned = |n, calls| {
        let drawn = |seed| {
            let world = World { boundary: 0.4, eos: 0.1, ..World::new(REACT, seed) };
            render(&world.search(react(n, calls).unwrap()).tree)
        };
        (0..20).map(drawn).collect::<Vec<_>>()
    };
    assert!(turned(3, 2) != turned(2, 2) && turned(3, 2) != turned(3, 1), "react");
}
