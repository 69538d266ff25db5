//! The instruction that widens halves, F16C.
//!
//! `pulp` has the token that proves it, and no method that executes it; the `half` crate calls a function for
//! every eight numbers, which takes 3.8 times as long.
//!
//! # Safety
//!
//! The `unsafe` block calls a function that is safe but for its `target_feature`, which the token proves: no
//! pointer is involved, and no length.
#![expect(
    unsafe_code,
    reason = "a function with a `target_feature` is called where a token proves it"
)]

use std::arch::x86_64::_mm256_cvtph_ps;

use pulp::{cast, core_arch::x86::F16c};

/// Writes the numbers that halves stand for.
pub(crate) fn widen(_proof: F16c, halves: &[[u16; 8]], to: &mut [[f32; 8]]) {
    #[target_feature(enable = "f16c")]
    fn widen(halves: &[[u16; 8]], to: &mut [[f32; 8]]) {
        for (to, halves) in to.iter_mut().zip(halves) {
            *to = cast(_mm256_cvtph_ps(cast(*halves)));
        }
    }
    // SAFETY: the token proves F16C.
    unsafe { widen(halves, to) }
}
