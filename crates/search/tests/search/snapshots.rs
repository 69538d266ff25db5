//! One tree of each strategy, to be checked by eye.

use espalier_core::Event;
use espalier_search::render;

use crate::toys::World;

pub(crate) fn drawn(kind: usize) -> String {
    let out = World { eos: 0.08, ..World::new(kind, 8) }.run();
    format!("{:?}, {} tokens\n{}", out.stop, out.spent.generated, render(&out.tree))
}

#[test]
fn greedy() {
    insta::assert_snapshot!(drawn(0), @r#"
    Done, 6 tokens
      0 "sys:0" root
      1   "a.bba!" - eos
    "#);
}

#[test]
fn best_of_n() {
    insta::assert_snapshot!(drawn(1), @r#"
    Done, 32 tokens
      0 "sys:0" root
      1   "a.bba!" 0.766 eos
      2   "acbba.bc!" 0.828 eos
      3   "!" 0.219 eos
      4   "abacc.!" 0.984 eos
      5   "bccabbb.!" 0.562 eos
    "#);
}

#[test]
fn self_consistency() {
    insta::assert_snapshot!(drawn(2), @r#"
    Done, 23 tokens
      0 "sys:0" root
      1   "a.bba!" - eos
      2   "acbba.bc!" - eos
      3   "!" - eos
      4   "abacc.!" - eos
    "#);
}

#[test]
fn beam() {
    insta::assert_snapshot!(drawn(3), @r#"
    Done, 79 tokens
      0 "sys:0" root
      1   "a." 0.250
      2   "acbba." 0.438
      7     "." 0.219
      8     "aa." 0.500
      9       "b." 0.016
     10       "bcacc." 0.281
     13         "cb." 0.219
     19           "aaa." 0.250
     20           "." 0.219
     14         "b." 0.016
      3   "!" 0.219 eos
      4   "abacc." 0.578
      5     "cbcbaaba" 0.844 length
      6     "c." 0.484
     11       "." 0.219
     15         "bbcacabb" 0.672 length
     16         "cbac." 0.938
     17           "c." 0.484
     23             "." 0.219
     24             "ba." 0.047
     18           "abba." 0.703
     21             "aba." 0.844
     22             "a." 0.250
     12       "!" 0.219 eos
    "#);
}

#[test]
fn dvts() {
    insta::assert_snapshot!(drawn(5), @r#"
    Done, 105 tokens
      0 "sys:0" root
      1   "a." 0.250
      2   "acbba." 0.438
      7     "." 0.219
      8     "aa." 0.500
     13       "b." 0.016
     14       "bcacc." 0.281
     19         "a." 0.250
     25           "." 0.219
     26           "c." 0.484
     20         "." 0.219
      3   "!" 0.219 eos
      4   "abacc." 0.578
      9     "cbcbaaba" 0.844 length
     10     "c." 0.484
     15       "cb." 0.219
     21         "c." 0.484
     27           "b." 0.016
     28           "aa." 0.500
     22         "cbccabbc" 0.375 length
     16       "b." 0.016
      5   "bccabbb." 0.469
     11     "a." 0.250
     17       "bbcacabb" 0.672 length
     18       "cbac." 0.938
     23         "aba." 0.844
     29           "b." 0.016
     30           "aaaabc." 0.281
     24         "a." 0.250
     12     "bb." 0.094
      6   "." 0.219
    "#);
}

#[test]
fn rebase() {
    insta::assert_snapshot!(drawn(6), @r#"
    Done, 72 tokens
      0 "sys:0" root
      1   "a." 0.250
      7     "abccc!" 0.906 eos
      2   "acbba." 0.438
      8     "." 0.219
      3   "!" 0.219 eos
      4   "abacc." 0.578
      9     "cbcbaaba" 0.844 length
     10     "c." 0.484
     12       "cb." 0.219
     15         "ccacaac." 0.031
     17           "c." 0.484
     13       "b." 0.016
     16         "aaa." 0.250
     18           "c." 0.484
      5   "bccabbb." 0.469
     11     "a." 0.250
     14       "bbcacabb" 0.672 length
      6   "." 0.219
    "#);
}

#[test]
fn particle_filter() {
    insta::assert_snapshot!(drawn(7), @r#"
    Done, 87 tokens
      0 "sys:0" root
      1   "a." 0.250
      2   "acbba." 0.438
      7     "." 0.219
     12       "b." 0.016
      3   "!" 0.219 eos
      4   "abacc." 0.578
      8     "cbcbaaba" 0.844 length
      9     "c." 0.484
     13       "." 0.219
     17         "aaa." 0.250
     23           "." 0.219
     14       "!" 0.219 eos
     15       "accaca." 0.844
     18         "c." 0.484
     24           "aba." 0.844
     25           "a." 0.250
     19         "cbccabbc" 0.375 length
     20         "." 0.219
     26           "cb." 0.219
     21         "!" 0.219 eos
     22         "aaa!" 0.312 eos
      5   "bccabbb." 0.469
     10     "a." 0.250
      6   "." 0.219
     11     "." 0.219
     16       "bbcacabb" 0.672 length
    "#);
}

#[test]
fn uct() {
    insta::assert_snapshot!(drawn(8), @r#"
    Done, 22 tokens
      0 "sys:0" root
      1   "a." 0.250
      5     "abccc!" 0.906 eos
      6     "aac." 0.266
      2   "acbba." 0.438
      3     "." 0.219
      4     "aa." 0.500
    "#);
}

#[test]
fn puct() {
    insta::assert_snapshot!(drawn(9), @r#"
    Done, 28 tokens
      0 "sys:0" root
      1   "a." 0.250
      7     "abccc!" 0.906 eos
      8     "aac." 0.266
      9     "bac!" 0.578 eos
      2   "acbba." 0.438
      4     "." 0.219
      5     "aa." 0.500
      6     "." 0.219
      3   "!" 0.219 eos
    "#);
}

#[test]
fn lookahead() {
    insta::assert_snapshot!(drawn(10), @r#"
    Done, 95 tokens
      0 "sys:0" root
      1   "a." -
      5     "abccc!" 0.906 eos
      9     "aac." -
     13       "." -
     15         "aaa." 0.250
     10     "bac!" 0.578 eos
      2   "acbba." -
      6     "." -
      8       "." 0.219
      3   "!" 0.219 eos
      4   "abacc." -
      7     "cbcbaaba" 0.844 length
     11     "c." -
     14       "bbcacabb" 0.672 length
     16       "cbac." -
     18         "c." -
     20           "aba." 0.844
     22         "abba." -
     24           "caabbaac" 0.266 length
     23         "ca." -
     25           "b." -
     26             "acaa." 0.609
     17       "a." -
     19         "." -
     21           "." 0.219
     12     "cb!" 0.312 eos
    "#);
}

#[test]
fn ab_mcts() {
    insta::assert_snapshot!(drawn(11), @r#"
    Done, 33 tokens
      0 "sys:0" root
      1   "a." 0.250
      2     "abccc!" 0.906 eos
      3     "aac." 0.266
      4     "bac!" 0.578 eos
      5     "c!" 0.078 eos
      8     "." 0.219
     11     "ac." 0.641
     12     "." 0.219
      6   "acbba." 0.438
      7     "." 0.219
     10       "b." 0.016
      9     "!" 0.219 eos
    "#);
}

#[test]
fn adaptive_consistency() {
    insta::assert_snapshot!(drawn(13), @r#"
    Done, 62 tokens
      0 "sys:0" root
      1   "a.bba!" - eos
      2   "acbba.bc!" - eos
      3   "!" - eos
      4   "abacc.!" - eos
      5   "bccabbb.!" - eos
      6   "..cc.aa.bc.caabc.ac.bbc.bc!" - eos
      7   "cb!" - eos
    "#);
}

#[test]
fn gate() {
    insta::assert_snapshot!(drawn(14), @r#"
    Done, 66 tokens
      0 "sys:0" root
      1   "a.bba!" - eos
      2   "acbba.bc!" - eos
      3   "!" - eos
      4   "abacc." 0.578
      8     "cbcbaaba" 0.844 length
      9     "c." 0.484
     12       "." 0.219
     16         "ccacaac." 0.031
     17         "a." 0.250
     13       "!" 0.219 eos
      5   "bccabbb." 0.469
     10     "a." 0.250
     14       "cb." 0.219
     15       "b." 0.016
     11     "bb." 0.094
      6   "." 0.219
      7   "cb!" 0.312 eos
    "#);
}

#[test]
fn compute_optimal() {
    insta::assert_snapshot!(drawn(22), @r#"
    Done, 66 tokens
      0 "sys:0" root
      1   "a.bba!" 0.766 eos
      2   "acbba.bc!" 0.828 eos
      3   "!" 0.219 eos
      4   "abacc." 0.578
      8     "cbcbaaba" 0.844 length
      9     "c." 0.484
     12       "." 0.219
     16         "ccacaac." 0.031
     17         "a." 0.250
     13       "!" 0.219 eos
      5   "bccabbb." 0.469
     10     "a." 0.250
     14       "cb." 0.219
     15       "b." 0.016
     11     "bb." 0.094
      6   "." 0.219
      7   "cb!" 0.312 eos
    "#);
}

#[test]
fn tot_bfs() {
    insta::assert_snapshot!(drawn(15), @r#"
    Done, 111 tokens
      0 "sys:0" root
      1   "a." 1.250
      4     "abccc!" 0.000 eos
      5     "aac." 2.000
     10       "a." 0.750
     11       "bb." 1.000
     13         "bbcacabb" - length
     14         "cbac." 0.750
     15         "a." 1.000
     12       "babcaa." 1.000
      6     "bac!" 1.000 eos
      2   "acbba." 1.000
      7     "." 0.750
      8     "aa." 0.500
      9     "." 1.000
      3   "!" 0.500 eos
    "#);
}

#[test]
fn tot_bfs_propose_and_vote() {
    insta::assert_snapshot!(drawn(16), @r#"
    Done, 18 tokens
      0 "sys:0" root
      1   "a." 1.000
      3     "abccc!" - eos
      2   "bba!" 0.000 eos
    "#);
}

#[test]
fn tot_dfs() {
    insta::assert_snapshot!(drawn(17), @r#"
    Done, 18 tokens
      0 "sys:0" root
      1   "a." 1.500
      3     "abccc!" 0.500 eos
      2   "bba!" - eos
    "#);
}

#[test]
fn revision() {
    insta::assert_snapshot!(drawn(18), @r#"
    Done, 44 tokens
      0 "sys:0" root
      1   "a.bba!" 0.766 eos
      2   "acbba.bc!" 0.828 eos
      3   "!" 0.219 eos from 1
      4   "abacc.!" 0.984 eos from 2
      5   "bccabbb.!" 0.562 eos from 3
      6   "..cc.aa.bc.c" 0.875 length from 4
    "#);
}

#[test]
fn graph_of_thoughts() {
    insta::assert_snapshot!(drawn(19), @r#"
    Done, 67 tokens
      0 "sys:0" root
      1   "a.bba!" 0.766 eos
      2   "acbba.bc!" 0.828 eos
      3   "!" 0.219 eos
      4   "abacc.!" 0.984 eos
      5   "bccabbb.!" 0.562 eos
      6   "." 0.219 from 1 2
      7   "cb!" 0.312 eos from 1 2
      8   "cabca." 0.547 from 3 4
      9   "babc!" 0.641 eos from 3 4
     10   "c." 0.484 from 7 9
     11   "ccac." 0.000 from 7 9
     12   "." 0.219 from 10 5
     13   "accbacaaacba" 0.875 length from 10 5
    "#);
}

/// The events of a search with forms, as they are written down.
#[test]
fn what_forms_leave_on_disk() {
    let world = World { boundary: 0.6, eos: 0.0, ..World::new(17, 2) };
    let out = world.run();
    let kept = out.trace.iter().filter(|event| {
        matches!(
            event,
            Event::Round { round: 1, .. } | Event::Proposed { .. } | Event::Judged { .. }
        )
    });
    let mut lines = Vec::new();
    espalier_search::write(&kept.take(3).cloned().collect::<Vec<_>>(), &mut lines).unwrap();
    insta::assert_snapshot!(String::from_utf8(lines).unwrap(), @r#"
    {"proposed":{"parent":0,"seed":18271473803252817474,"tokens":[99,46,46,98,46,46,46,46,99,46,99,46],"text":"c..b....c.c.","made":3,"cost":{"prefill_new":14,"prefill_cached":0,"decode_kept":0,"decode_wasted":8,"decode_new":12,"decode_cached":0,"scorer_new":0,"scorer_cached":0,"judge":0,"tool_cpu_ns":0,"calls":1,"flops":3302,"flops_uncached":3302,"nano_usd":12,"wall_ns":0,"queue_ns":0}}}
    {"round":{"round":1,"asks":[{"judge":{"what":{"value":[1,2,3]},"samples":1,"scorer":3,"policy":0,"form":2}}],"score":null,"retain":"all","admitted":3}}
    {"judged":{"nodes":[1],"seed":9678144826810770761,"tokens":[99,46],"text":"c.","cost":{"prefill_new":2,"prefill_cached":5,"decode_kept":0,"decode_wasted":0,"decode_new":2,"decode_cached":0,"scorer_new":0,"scorer_cached":0,"judge":2,"tool_cpu_ns":0,"calls":1,"flops":460,"flops_uncached":990,"nano_usd":2,"wall_ns":0,"queue_ns":0}}}
    "#);
}

#[test]
fn one_event_of_each_kind_on_disk() {
    let out = World { eos: 0.9, boundary: 0.0, ..World::new(1, 7) }.run();
    let mut kinds = Vec::new();
    for event in &out.trace {
        if !kinds.iter().any(|one| std::mem::discriminant(one) == std::mem::discriminant(event)) {
            kinds.push(event.clone());
        }
    }
    let mut lines = Vec::new();
    espalier_search::write(&kinds, &mut lines).unwrap();
    insta::assert_snapshot!(String::from_utf8(lines).unwrap(), @r#"
    {"start":{"problem":0,"prompt_tokens":5,"seed":11568131752184845580}}
    {"round":{"round":0,"asks":[{"sample":{"parent":0,"count":5,"until":"end","policy":0,"form":0}}],"score":0,"retain":"nothing","admitted":5}}
    {"prompt":{"cost":{"prefill_new":5,"prefill_cached":0,"decode_kept":0,"decode_wasted":0,"decode_new":0,"decode_cached":0,"scorer_new":0,"scorer_cached":0,"judge":0,"tool_cpu_ns":0,"calls":0,"flops":530,"flops_uncached":0,"nano_usd":0,"wall_ns":0,"queue_ns":0}}}
    {"node":{"node":1,"parent":0,"seed":17501456125368704179,"tokens":[33],"text":"!","logprob":-0.10536051541566849,"finish":"eos","cost":{"prefill_new":0,"prefill_cached":5,"decode_kept":0,"decode_wasted":1,"decode_new":1,"decode_cached":0,"scorer_new":0,"scorer_cached":0,"judge":0,"tool_cpu_ns":0,"calls":1,"flops":112,"flops_uncached":642,"nano_usd":1,"wall_ns":0,"queue_ns":0}}}
    {"scored":{"node":1,"scorer":0,"score":0.21875,"cost":{"prefill_new":0,"prefill_cached":0,"decode_kept":0,"decode_wasted":0,"decode_new":0,"decode_cached":0,"scorer_new":6,"scorer_cached":0,"judge":0,"tool_cpu_ns":0,"calls":1,"flops":42,"flops_uncached":42,"nano_usd":3,"wall_ns":0,"queue_ns":0}}}
    {"end":{"stop":"done"}}
    "#);
}
