//! Instructions for products of bytes, AVX-VNNI and AVX-512 VNNI.
//!
//! `pulp` hands out neither; this does it in the same way.
//! A token is made by `try_new` alone, which asks the machine, so whoever holds one may execute its
//! instructions.
//!
//! # Safety
//!
//! Every `unsafe` block calls a function that is safe but for its `target_feature`s: no pointer is
//! involved, and no length.
//! It does so in a method of the token that proves those features.
#![expect(
    unsafe_code,
    reason = "functions with `target_feature`s are called where a token proves them"
)]
#![expect(clippy::inline_always, reason = "all of it takes the instruction set of its caller")]
#![expect(clippy::unused_self, reason = "`self` is the proof")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_dpbusd_avx_epi32, _mm256_dpbusd_epi32, _mm512_dpbusd_epi32,
};

use pulp::{
    NullaryFnOnce,
    core_arch::x86,
    x86::{V3, V4},
};

/// A proof that this machine has AVX-VNNI, AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub struct AvxVnni {
    pub(crate) simd: V3,
    /// Keeps others from making one.
    _proven: (),
}

impl AvxVnni {
    /// A proof, if this machine has the instructions.
    #[must_use]
    pub fn try_new() -> Option<Self> {
        let simd = V3::try_new()?;
        is_x86_feature_detected!("avxvnni").then_some(Self { simd, _proven: () })
    }

    /// Calls `f`, which is inlined, in a function that has the instructions.
    #[inline(always)]
    pub(crate) fn vectorize<F: NullaryFnOnce>(self, f: F) -> F::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,fma,lzcnt,popcnt,avxvnni")]
        fn with_features<F: NullaryFnOnce>(f: F) -> F::Output {
            f.call()
        }
        // SAFETY: `V3` proves all features but the last, and `try_new` has found that one.
        unsafe { with_features(f) }
    }

    /// Adds to every lane of `sum` its four products of unsigned bytes and signed `x`.
    #[inline(always)]
    pub(crate) fn dpbusd(self, sum: __m256i, bytes: __m256i, x: __m256i) -> __m256i {
        // SAFETY: `try_new` has found AVX-VNNI.
        unsafe { _mm256_dpbusd_avx_epi32(sum, bytes, x) }
    }
}

/// A proof that this machine has AVX-512 VNNI, F, BW, CD, DQ and VL.
#[derive(Debug, Clone, Copy)]
pub struct Avx512Vnni {
    pub(crate) simd: V4,
    /// Proves AVX-512 VNNI.
    _proven: x86::Avx512vnni,
}

impl Avx512Vnni {
    /// A proof, if this machine has the instructions.
    #[must_use]
    pub fn try_new() -> Option<Self> {
        Some(Self { simd: V4::try_new()?, _proven: x86::Avx512vnni::try_new()? })
    }

    /// Calls `f`, which is inlined, in a function that has the instructions.
    #[inline(always)]
    pub(crate) fn vectorize<F: NullaryFnOnce>(self, f: F) -> F::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,fma,lzcnt,popcnt")]
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni")]
        fn with_features<F: NullaryFnOnce>(f: F) -> F::Output {
            f.call()
        }
        // SAFETY: `V4` proves all features but the last, and `x86::Avx512vnni` that one.
        unsafe { with_features(f) }
    }

    /// Adds to every lane of `sum` its four products of unsigned bytes and signed `x`.
    #[inline(always)]
    pub(crate) fn dpbusd(self, sum: __m256i, bytes: __m256i, x: __m256i) -> __m256i {
        // SAFETY: `V4` proves AVX-512 VL, and `x86::Avx512vnni` AVX-512 VNNI.
        unsafe { _mm256_dpbusd_epi32(sum, bytes, x) }
    }
}

/// Vectors of 512 bits, where 256 would do by the same proof.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide(pub(crate) Avx512Vnni);

impl Wide {
    /// Adds to every lane of `sum` its four products of unsigned bytes and signed `x`.
    #[inline(always)]
    pub(crate) fn dpbusd(self, sum: __m512i, bytes: __m512i, x: __m512i) -> __m512i {
        // SAFETY: `x86::Avx512vnni` proves AVX-512 VNNI.
        unsafe { _mm512_dpbusd_epi32(sum, bytes, x) }
    }
}
