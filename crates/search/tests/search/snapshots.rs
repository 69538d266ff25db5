//! One tree of each strategy, to be checked by eye.

use espalier_search::render;

use crate::toys::World;

fn drawn(kind: usize) -> String {
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
