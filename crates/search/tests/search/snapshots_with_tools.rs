//! One tree of each strategy with tools, to be checked by eye.

use crate::{
    snapshots::drawn,
    strategies::{CODING_BEAM, CODING_UCT, PAL, REACT, RESTARTS, SC_TIR, TORA},
};

#[test]
fn sc_tir() {
    insta::assert_snapshot!(drawn(SC_TIR), @r#"
    Done, 18 tokens
      0 "sys:0" root
      1   "a." -
      2   "acbba." -
      5     "<5>" observed, failed
      7       "a." -
      3   "!" - eos
      4   "abacc." -
      6     "<5>" observed, failed
      8       "." -
    "#);
}

#[test]
fn sc_tir_with_restarts() {
    insta::assert_snapshot!(drawn(RESTARTS), @r#"
    Done, 38 tokens
      0 "sys:0" root
      1   "a." -
      2   "acbba." -
      4     "<5>" observed, failed
      6       "cbcbaaba" - length
      3   "!" - eos
      5   "abacc." -
      8     "<5>" observed, failed
     10       "b." -
      7   "bccabbb." -
      9     "<7>" observed, failed
     11       "." -
     12   "." -
     13   "cb!" - eos
    "#);
}

#[test]
fn pal() {
    insta::assert_snapshot!(drawn(PAL), @r#"
    Done, 15 tokens
      0 "sys:0" root
      1   "a." -
      2   "acbba." -
      5     "<5>" observed, failed eos
      3   "!" - eos
      4   "abacc." -
      6     "<5>" observed, failed eos
    "#);
}

#[test]
fn tora() {
    insta::assert_snapshot!(drawn(TORA), @r#"
    Done, 17 tokens
      0 "sys:0" root
      1   "a." -
      2   "acbba." -
      4     "<5>" observed, failed
      5       "cbcbaaba" - length
      3   "!" - eos
    "#);
}

#[test]
fn beam_with_code() {
    insta::assert_snapshot!(drawn(CODING_BEAM), @r#"
    Done, 53 tokens
      0 "sys:0" root
      1   "a." 0.250
      2   "acbba." 0.438
      6     "<5>" observed, failed
      9       "." 0.219
     13         "." 0.219
     17           "aaa." 0.250
     21             "." 0.219
     22             "ba." 0.047
     18           "." 0.219
     14         "!" 0.219 eos
     10       "!" 0.219 eos
      3   "!" 0.219 eos
      4   "abacc." 0.578
      5     "<5>" observed, failed
      7       "a." 0.250
     11         "b." 0.016
     12         "." 0.219
     15           "ccacaac." 0.031
     16           "a." 0.250
     19             "c." 0.484
     20             "abba." 0.703
      8       "bb." 0.094
    "#);
}

#[test]
fn uct_with_code() {
    insta::assert_snapshot!(drawn(CODING_UCT), @r#"
    Done, 83 tokens
      0 "sys:0" root
      1   "a." 0.250
      3     "abccc!" 0.906 eos
      4     "aac." 0.266
     13       "<3>" observed
     14         "aaa." 0.250
     16           "a.aa.cc..!" 0.891 eos
     15         "." 0.219
     17           "c.abbcbcb.cacac.aac." 0.672 length
      5     "bac!" 0.578 eos
      2   "acbba." 0.438
      6     "<5>" observed, failed
      7       "." 0.219
      9         "b.bbc.aca.bacc!" 0.719 eos
     10         "." 0.219
     12           "cb.!" 0.703 eos
     11         "ccb." 0.594
      8       "!" 0.219 eos
    "#);
}

#[test]
fn react() {
    insta::assert_snapshot!(drawn(REACT), @r#"
    Done, 17 tokens
      0 "sys:0" root
      1   "a." -
      2   "Action: Abacus\nAction Input: acbba" -
      4     "<5>" observed, failed
      5       "cbcbaaba" - length
      3   "!" - eos
    "#);
}
