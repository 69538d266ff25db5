//! Command lines that are understood, and those that are refused.

use std::num::NonZeroUsize;

use clap::CommandFactory;

use super::*;
use crate::AnswerForm;
use crate::dataset::Rows;
use crate::prompt::Manner;
use crate::spec::{Boundary, Calling, NextName, OnFailName, OutputFormat, Stepwise, StrategySpec};
use crate::sweep::Series;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("espalier").chain(line.split_whitespace()))
}

fn strategy(line: &str) -> Box<Strategy> {
    match parse(line) {
        Ok(Cli { command: Command::Eval(evaluation) }) => match *evaluation {
            Evaluation::Strategy(strategy) => Box::new(strategy),
            Evaluation::Ensemble(_) => panic!("an ensemble is no strategy"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

/// The defaults of what goes step by step.
const STEPS: Stepwise = Stepwise {
    depth: 40,
    max_step_tokens: 256,
    boundary: None,
    scorer: ScorerName::ChosenLogprob,
    aggregate: Aggregate::Last,
    select: Selection::Best,
    temperature: 0.8,
    seed: 42,
};

#[test]
fn defaults_are_those_cited() {
    let beam = strategy("eval beam --model m.gguf");
    assert_eq!(
        beam.spec(),
        StrategySpec::Beam {
            width: 4,
            n: None,
            redraws: 3,
            next: NextName::Continue,
            code: None,
            steps: STEPS
        }
    );
    assert_eq!(beam.run().max_tokens().get(), 256);
    assert_eq!(beam.run().dataset().kind, DatasetKind::Game24);
    assert_eq!(strategy("eval greedy --model m").spec(), StrategySpec::Greedy);
    let puzzles = strategy("eval greedy --model m --dataset game24");
    assert_eq!(puzzles.run().dataset().kind, DatasetKind::Game24);
    assert_eq!(puzzles.run().max_tokens().get(), 256);
}

#[test]
fn every_strategy_has_defaults_and_its_own_numbers() {
    let spec = |line: &str| strategy(&format!("eval {line} --model m")).spec();
    let steps = STEPS;
    assert_eq!(spec("dvts --n 8"), StrategySpec::Dvts { width: 4, n: Some(8), steps });
    let lookahead = StrategySpec::Lookahead { width: 4, n: None, lookahead: 1, steps };
    assert_eq!(spec("lookahead"), lookahead);
    assert_eq!(spec("rebase"), StrategySpec::Rebase { n: 16, score_temperature: 0.2, steps });
    let filter = StrategySpec::ParticleFilter { n: 3, score_temperature: 1.5, steps };
    assert_eq!(spec("particle-filter --n 3 --score-temperature 1.5"), filter);
    let adaptive = StrategySpec::AdaptiveConsistency {
        n: 40,
        batch: 1,
        confidence: 0.9,
        temperature: 0.8,
        seed: 42,
    };
    assert_eq!(spec("adaptive-consistency --confidence 0.9"), adaptive);
    let gate = StrategySpec::Gate { first: 8, agreement: 0.75, width: 2, n: None, steps };
    assert_eq!(spec("gate --first 8 --width 2"), gate);
    let bin = |then| crate::Bin { below: None, then };
    let choice =
        |first, then| StrategySpec::ComputeOptimal { first, table: vec![bin(then)], steps };
    let beam = crate::Then::Beam { width: 4, n: Some(32), redraws: 3 };
    assert_eq!(spec("compute-optimal --then beam:4:32"), choice(4, beam));
    assert_eq!(spec("compute-optimal --first 2 --then stop"), choice(2, crate::Then::Stop));
    let odd = spec("compute-optimal --then dvts:4:6").strategy(AnswerForm::Latex);
    assert!(odd.is_err_and(|error| error.to_string().contains("is not a multiple of `--width` 4")));
    let ab_mcts = StrategySpec::AbMcts { n: 64, prior: crate::PriorName::Gaussian, steps };
    assert_eq!(spec("ab-mcts"), ab_mcts);
    assert!(spec("ab-mcts --prior beta").check().is_err(), "log-probabilities are negative");
    let exploration = std::f64::consts::SQRT_2;
    assert_eq!(
        spec("uct"),
        StrategySpec::Uct {
            width: 4,
            simulations: 16,
            exploration,
            rollouts: 0,
            code: None,
            steps
        }
    );
    let puct = StrategySpec::Puct {
        width: 2,
        simulations: 9,
        exploration: 0.0,
        rollouts: 3,
        code: None,
        steps,
    };
    assert_eq!(spec("puct --width 2 --simulations 9 --exploration 0 --rollouts 3"), puct);
    for line in [
        "dvts",
        "lookahead",
        "rebase",
        "particle-filter",
        "uct",
        "puct",
        "adaptive-consistency",
        "gate",
        "compute-optimal --then stop",
        "compute-optimal --then dvts:4",
        "ab-mcts",
    ] {
        assert!(spec(line).strategy(AnswerForm::Latex).is_ok(), "{line}");
    }
}

#[test]
fn what_has_no_effect_beside_another_is_refused() {
    let check = |line: &str| strategy(&format!("eval {line} --model m")).check();
    let refused = |line: &str| check(line).unwrap_err().to_string();
    assert!(check("beam --next prompt").is_ok() && check("beam --boundary tokens:8").is_ok());
    assert_eq!(
        refused("beam --next prompt --boundary newline"),
        "`--boundary` has no effect with `--next prompt`: leave it out"
    );
    assert!(check("tot-bfs --evaluate score --generate sample --scorer entropy").is_ok());
    assert_eq!(
        refused("tot-bfs --evaluate score --judgements 2"),
        "`--judgements` has no effect with `--evaluate score`: leave it out"
    );
    assert_eq!(
        refused("tot-bfs --scorer entropy"),
        "`--scorer` has no effect with `--evaluate value`: leave it out"
    );
    assert_eq!(
        refused("tot-dfs --evaluate score"),
        "`--evaluate score` needs `--threshold`: give it"
    );
    assert!(check("tot-dfs --evaluate score --threshold -0.5").is_ok());
}

#[test]
fn steps_and_thoughts_are_made_and_judged_as_asked() {
    let spec = |line: &str| strategy(&format!("eval {line} --model m")).spec();
    let boundary = |line: &str| spec(line).stepwise().and_then(|steps| steps.boundary);
    assert_eq!(boundary("beam"), None);
    assert_eq!(boundary("uct --boundary entropy:0.7"), Some(Boundary::Entropy(0.7)));
    assert!(parse("eval beam --model m --boundary tokens:0").is_err());
    assert!(!spec("beam").is_prompted() && spec("beam --next prompt").is_prompted());
    let by_scorer = spec("tot-bfs --generate sample --evaluate score --scorer self-certainty");
    assert!(!by_scorer.is_prompted());
    assert_eq!(by_scorer.scorer(), Some(ScorerName::SelfCertainty));
    assert!(spec("tot-bfs --generate sample").is_prompted(), "the policy judges");
    assert!(spec("tot-bfs --evaluate score").is_prompted(), "the policy proposes");
    assert_eq!(spec("tot-bfs").scorer(), None);
}

#[test]
fn searches_by_steps_run_code_where_that_is_asked_for() {
    let strategy = |line: &str| strategy(&format!("eval {line} --model m"));
    let refused = |line: &str| strategy(line).check().unwrap_err().to_string();
    let without = |line: &str| strategy(line).sandbox().unwrap_err().to_string();
    assert_eq!(without("beam --code numina"), "`--code` needs `--python PATH`: give it");
    let boundary = "uct --code qwen --python p --boundary fence";
    assert!(refused(boundary).starts_with("`--boundary` has no effect with `--code`"));
    let prompted = "beam --code tora --python p --next prompt";
    assert!(refused(prompted).starts_with("`--code` has no effect with `--next prompt`"));
    for line in ["beam --code tora --python p", "uct --code qwen --python p --rollouts 2"] {
        let (spec, strategy) = (strategy(line).spec(), strategy(line));
        let sandbox = strategy.sandbox().unwrap().unwrap();
        assert!(strategy.check().is_ok() && spec.output().is_some());
        assert_eq!((spec.manner(), sandbox.sandbox_tier.as_str()), (Manner::Code, "highest"));
        assert!(spec.strategy(AnswerForm::Number).is_ok() && spec.to_string().contains("code"));
    }
    assert!(strategy("puct").sandbox().unwrap().is_none());
    assert!(strategy("puct").spec().output().is_none());
    assert!(strategy("uct --python p").sandbox().is_err(), "nothing would run on it");
    let text = serde_json::to_string(&strategy("puct").spec()).unwrap();
    assert!(!text.contains("code"), "runs of before are gone on with: {text}");
}

#[test]
fn strategies_with_tools_have_their_sources_numbers() {
    let strategy = |line: &str| strategy(&format!("eval {line} --model m --python p"));
    let calling = |output, temperature| Calling { output, temperature, seed: 42 };
    let (numina, qwen) = (OutputFormat::Numina, OutputFormat::Qwen);
    assert_eq!(
        strategy("sc-tir --width 3 --on-fail prune --modulo 1000").spec(),
        StrategySpec::ScTir {
            width: 3,
            depth: 4,
            on_fail: OnFailName::Prune,
            modulo: NonZeroU32::new(1000),
            calling: calling(numina, 0.8),
        }
    );
    let pal = StrategySpec::Pal { n: 1, calling: calling(numina, 0.0) };
    assert_eq!(strategy("pal").spec(), pal);
    let tora = StrategySpec::ToRa { n: 2, calls: 4, calling: calling(qwen, 0.5) };
    assert_eq!(strategy("tora --n 2 --temperature 0.5 --output qwen").spec(), tora);
    let react = StrategySpec::ReAct { n: 1, calls: 3, calling: calling(qwen, 0.0) };
    assert_eq!(strategy("react --calls 3").spec(), react);
    for line in ["sc-tir", "pal", "tora", "react"] {
        let strategy = strategy(line);
        assert!(strategy.spec().strategy(AnswerForm::Latex).is_ok(), "{line}");
        assert!(
            strategy.spec().check_calling().is_ok() && !strategy.spec().is_prompted(),
            "{line}"
        );
        assert_eq!(strategy.sandbox().unwrap().unwrap().sandbox_tier, "highest");
        let text = serde_json::to_string(&strategy.spec()).unwrap();
        assert_eq!(serde_json::from_str::<StrategySpec>(&text).unwrap(), strategy.spec(), "{text}");
        assert!(text.starts_with(&format!(r#"{{"name":"{line}""#)), "{text}");
        let none = self::strategy(&format!("eval {line} --model m")).sandbox().unwrap_err();
        assert!(none.to_string().contains("`--python PATH`"), "{none}");
    }
    let same = strategy("pal --n 4").spec().check_calling().unwrap_err().to_string();
    assert!(same.starts_with("`--n 4` samples the same 4 times at `--temperature 0`"), "{same}");
    assert!(strategy("pal --n 4 --temperature 0.7").spec().check_calling().is_ok());
    assert!(parse("eval sc-tir --model m --python p --modulo 0").is_err());
}

#[test]
fn bytes_have_units() {
    let limit = |text: &str| {
        let cli = parse(&format!("eval greedy --model m --kv-limit {text}"));
        cli.map(|cli| match cli.command {
            Command::Eval(evaluation) => match *evaluation {
                Evaluation::Strategy(strategy) => strategy.run().terms.kv_limit,
                ensemble @ Evaluation::Ensemble(_) => panic!("{ensemble:?}"),
            },
            other => panic!("{other:?}"),
        })
    };
    for (text, bytes) in [("17", 17), ("3kB", 3_000), ("2MiB", 2 << 20), ("1GB", 1_000_000_000)] {
        assert_eq!(limit(text).unwrap(), Some(bytes));
    }
    for text in ["0", "MB", "1.5GB", "3TB", "18446744073709551615GB"] {
        let error = limit(text).unwrap_err().to_string();
        assert!(error.contains("such as `500MB`"), "{error}");
    }
    assert!(parse("eval greedy --model m --kv-limit 1MB --dry-run").is_err());
}

#[test]
fn everything_can_be_said() {
    let line = "eval best-of-n --n 16 --scorer entropy --select majority --temperature 0.5 --seed 7 \
        --model dir --dataset math500 --data f.jsonl --rows 1-100 --limit 10 \
        --budget tokens=20000,flops=1e12 --max-tokens 512 --device cuda:1 --in-flight 8 --out d \
        --json --quiet";
    let best = strategy(line);
    let run = best.run();
    assert_eq!(run.terms.budget.unwrap().flops, Some(1_000_000_000_000));
    assert_eq!(run.dataset().rows, Some(Rows { first: 1, last: 100 }));
    assert!(run.terms.json && run.terms.quiet);
    assert_eq!(run.terms.in_flight.map(NonZeroUsize::get), Some(8));
}

#[test]
fn a_process_reward_model_is_named_by_its_path() {
    let beam = strategy("eval beam --model m --scorer prm --prm dir --aggregate prod");
    assert_eq!(beam.spec().scorer(), Some(ScorerName::Prm));
    // It scores where nothing else is said.
    let beam = strategy("eval beam --model m --prm dir --aggregate prod");
    assert_eq!(beam.spec().scorer(), Some(ScorerName::Prm));
    assert!(beam.spec().check().is_ok());
    assert!(beam.spec().check_prm(beam.run().prm.as_deref()).is_ok());
    assert_eq!(beam.run().prm_family, None);
    let beam = strategy("eval beam --model m --prm dir --prm-family math-shepherd");
    assert_eq!(beam.run().prm_family, Some(PrmFamilyArg::MathShepherd));
    assert_eq!(
        PrmFamilyArg::names(),
        "`auto`, `marks`, `math-shepherd`, `rlhflow`, `qwen`, `skywork`, `value`"
    );
    let greedy = strategy("eval greedy --model m --prm dir");
    assert!(greedy.spec().check_prm(greedy.run().prm.as_deref()).is_err());
}

#[test]
fn bad_input_is_refused_with_exit_code_2() {
    for (line, part) in [
        ("eval beam --model m --width 0", "give a whole number from 1"),
        ("eval beam --model m --prm-family qwen", "--prm <PATH>"),
        ("eval beam --model m --prm dir --prm-family qwen2", "math-shepherd"),
        ("eval beam --model m --n -4", "unexpected argument"),
        ("eval best-of-n --model m --n 1.5", "give a whole number from 1"),
        ("eval beam --model m --temperature -1", "not negative"),
        ("eval beam --model m --temperature nan", "not negative"),
        ("eval beam --model m --rows 3-1", "rows `3-1` are not a range"),
        ("eval beam --model m --budget token=3", "budget axis `token` does not exist"),
        ("eval beam --model m --limit 0", "zero"),
        ("eval beam --model m --out a --resume b", "cannot be used with"),
        ("eval beam --model m --scorer vibes", "possible values: top-logprob"),
        ("eval compute-optimal --model m", "--table <FILE>"),
        ("eval compute-optimal --model m --table no/such", "cannot read `no/such`: No such file"),
        ("eval compute-optimal --model m --then beem:4", "option `beem:4` is not known"),
        ("eval gate --model m --then stop", "unexpected argument"),
        ("table --out t.json", "<RUN_DIR>"),
        ("table runs/a runs/b", "--out <FILE>"),
        ("table runs/a runs/b --out t.json --bins 0", "give a whole number of at least 1"),
        ("eval beam", "--model"),
        ("eval bean --model m", "beam"),
        // What has no effect does not exist.
        ("eval greedy --model m --temperature 1", "unexpected argument"),
        ("eval self-consistency --model m --scorer entropy", "unexpected argument"),
        ("eval best-of-n --model m --width 4", "unexpected argument"),
        ("eval lookahead --model m --aggregate min", "unexpected argument"),
        ("eval rebase --model m --width 4", "unexpected argument"),
        ("eval rebase --model m --score-temperature 0", "above 0"),
        ("eval uct --model m --exploration -1", "unexpected argument"),
        ("eval puct --model m --exploration inf", "not negative"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.to_string();
        assert!(text.contains(part), "{line}: {text}");
    }
}

#[test]
fn help_says_what_it_is_about() {
    let strategies = ["eval beam --help", "eval uct --help", "eval rebase --help"];
    let others = ["--help", "eval --help", "model --help", "model logits --help"];
    for line in strategies.into_iter().chain(others) {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 0, "{line}");
        let help = error.to_string();
        for inner in ["What all strategies share.", "What step by step", "What both have."] {
            assert!(!help.contains(inner), "{help}");
        }
        assert!(help.len() > 200, "{help}");
    }
}

fn sweep(line: &str) -> Box<Sweep> {
    match parse(line) {
        Ok(Cli { command: Command::Sweep(sweep) }) => sweep,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sweep_takes_what_its_scorer_allows_and_each_number_once() {
    let all = sweep("sweep --model m");
    // Log-probabilities are negative, so that votes are not weighted by them.
    let every = [Series::Majority, Series::AdaptiveConsistency, Series::BestOfN];
    let steps = [Series::Beam, Series::Dvts, Series::Lookahead, Series::Gate, Series::Rebase];
    let trees = [Series::ParticleFilter, Series::Uct, Series::Puct, Series::AbMcts];
    let thoughts = [Series::TotBfs, Series::TotDfs];
    assert_eq!(all.series(), [&every[..], &steps, &trees, &thoughts].concat());
    assert_eq!((all.seeds(), all.budgets()), (vec![1, 2, 3], Vec::new()));
    assert_eq!(all.greedy_tokens().get(), 256);
    let some = sweep(
        "sweep --model m --series beam,weighted,beam --budgets 4e2,100,400 --seeds 7,7 --scorer entropy \
         --aggregate min --temperature 0.5 --max-tokens 64 --max-step-tokens 16 --dataset game24 --out d",
    );
    assert_eq!(some.series(), [Series::Weighted, Series::Beam]);
    assert_eq!((some.seeds(), some.budgets()), (vec![7], vec![100, 400]));
    assert_eq!(some.draw().aggregate, Aggregate::Min);
    for line in ["sweep", "sweep --model m --budgets 0", "sweep --model m --series greedy"] {
        assert!(parse(line).is_err(), "{line}");
    }
    let refused = parse("sweep --model m --budgets tokens=5").unwrap_err().to_string();
    assert!(refused.contains("write a positive number, such as 20000"), "{refused}");
}

#[test]
fn an_ensemble_has_two_members_and_weights_that_are_shares() {
    let ensemble = |line: &str| match parse(&format!("eval ensemble {line}")).map(|cli| cli.command)
    {
        Ok(Command::Eval(evaluation)) => match *evaluation {
            Evaluation::Ensemble(ensemble) => Ok(ensemble),
            strategy @ Evaluation::Strategy(_) => panic!("{strategy:?}"),
        },
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    let plain = ensemble("--member a --member b").unwrap();
    assert_eq!((&plain.members[..], plain.memory), (&["a".to_owned(), "b".to_owned()][..], None));
    let spec = plain.spec().unwrap();
    let wanted = crate::EnsembleSpec {
        n: 4,
        weights: espalier_search::Weights::ANSWER_FIRST,
        temperature: 0.8,
        seed: 42,
    };
    assert_eq!(spec, wanted);
    let said = ensemble(
        "--member a --member b --n 2 --answer-weight 1 --step-weight 0 --memory 2GB --seed 3",
    );
    let said = said.unwrap();
    assert_eq!((said.memory, said.spec().unwrap().seed), (Some(2_000_000_000), 3));
    let error = ensemble("--member a --member b --answer-weight 0.5").unwrap().spec().unwrap_err();
    assert!(error.to_string().contains("add up to 1"), "{error}");
    for (line, part) in [
        ("", "--member <PATH>"),
        ("--member a --member b --answer-weight 1.5", "from 0 to 1"),
        ("--member a --member b --step-weight NaN", "from 0 to 1"),
        ("--member a --member b --memory 0", "such as `500MB`"),
        ("--member a --member b --n 0", "whole number"),
        ("--member a --model b", "--model"),
    ] {
        let error = ensemble(line).unwrap_err();
        assert!(error.contains(part), "{line}: {error}");
    }
}
