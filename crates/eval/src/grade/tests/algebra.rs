//! Values that more than polynomials say, and near misses of them.

use std::time::Duration;

use espalier_core::Clock;

use super::*;

fn both_ways(gold: &str, answer: &str, expected: Verdict) {
    assert_eq!(verdict(gold, answer), expected, "`{gold}` `{answer}`");
    assert_eq!(verdict(answer, gold), expected, "`{answer}` `{gold}`");
}

#[test]
fn nothing_is_computed_with_infinity() {
    for (one, other) in [
        (r"\infty-\infty", "0"),
        (r"\frac{\infty}{\infty}", "1"),
        (r"0\cdot\infty", "0"),
        (r"\infty^0", "1"),
        (r"\infty+1", r"\infty"),
        (r"x+\infty-\infty", "x"),
    ] {
        both_ways(one, other, Verdict::Undecided);
    }
    both_ways(r"-\infty", r"(-\infty)", Verdict::Equal);
    both_ways(r"-\infty", r"\infty", Verdict::NotEqual);
    both_ways(r"(-\infty,3)", r"(-\infty,4)", Verdict::NotEqual);
}

#[test]
fn nested_radicals_are_what_they_come_to() {
    for (one, other) in [
        (r"\sqrt{5+2\sqrt6}", r"\sqrt2+\sqrt3"),
        (r"\sqrt{5-2\sqrt6}", r"\sqrt3-\sqrt2"),
        (r"\sqrt{6+2\sqrt5}", r"1+\sqrt5"),
        (r"\sqrt{\frac{3}{2}+\sqrt2}", r"1+\frac{\sqrt2}{2}"),
        (r"\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}", "1"),
        (r"\sqrt[3]{20+14\sqrt2}", r"2+\sqrt2"),
        (r"\sqrt{\sqrt[3]{4}-1}\cdot\sqrt{\sqrt[3]{4}-1}", r"\sqrt[3]{4}-1"),
        (r"\sqrt{3+\sqrt{5+2\sqrt6}-\sqrt2-\sqrt3}", r"\sqrt3"),
        (r"\sqrt{2+\sqrt{2+\sqrt2}}", r"2\cos\frac{\pi}{16}"),
        (r"\sqrt[4]{4}", r"\sqrt2"),
        (r"\sqrt[3]{16}", r"2\sqrt[3]{2}"),
        (r"\sqrt[3]{2}\sqrt{2}", r"\sqrt[6]{32}"),
        (r"\frac{1}{\sqrt[3]{2}}", r"\frac{\sqrt[3]{4}}{2}"),
        (r"\frac{1}{\sqrt{2+\sqrt2}}", r"\sqrt{1-\frac{\sqrt2}{2}}"),
        (r"\sqrt{-3-2\sqrt2}", r"i+i\sqrt2"),
        (r"\sqrt{\frac{1}{2+\sqrt3}}", r"\frac{\sqrt6-\sqrt2}{2}"),
        (r"\frac{\sqrt{x+1}}{x+1}", r"\frac{1}{\sqrt{x+1}}"),
        (r"\sqrt{4x+8}", r"2\sqrt{x+2}"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        (r"\sqrt{5+2\sqrt6}", r"\sqrt2+\sqrt[3]{5}"),
        (r"\sqrt{5-2\sqrt6}", r"\sqrt2-\sqrt3"),
        (r"\sqrt{5+2\sqrt6}", "3.14626436994197234232913506571557"),
        (r"\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}", "1.00000000000000000000000000000000001"),
        (r"\sqrt[3]{20+14\sqrt2}", r"2+\sqrt2+10^{-40}"),
        (r"\sqrt{\sqrt{11}+\sqrt{194}}", r"\sqrt{\sqrt{11}+\sqrt{195}}"),
        (
            r"\sqrt{1000001}+\sqrt{1000025}+\sqrt{1000031}",
            r"\sqrt{1000002}+\sqrt{1000021}+\sqrt{1000034}",
        ),
    ] {
        both_ways(one, other, Verdict::NotEqual);
    }
    for (one, other) in [
        (r"\sqrt{x^2}", "x"),
        (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}"),
        ("(-8)^{1/3}", "-2"),
        (r"\frac{0}{\sqrt{x^2}+x}", r"\sqrt{x^2}-x"),
        (r"\frac{0}{|x|+x}", "0"),
        (
            r"\frac{5}{\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}-1}",
            r"\frac{7}{\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}-1}",
        ),
    ] {
        both_ways(one, other, Verdict::Undecided);
    }
}

#[test]
fn powers_are_those_of_their_primes() {
    for (one, other) in [
        (r"10^{\frac{\sqrt{13}-5}{6}}", r"\frac{10^{\frac{\sqrt{13}}{6}}}{10^{5/6}}"),
        (r"2^{\sqrt2} \cdot 5^{\sqrt2}", r"10^{\sqrt2}"),
        (r"(4^{\sqrt3})^2", r"2^{4\sqrt3}"),
        ("8^{2/3}", "4"),
        ("4^{-1/2}", "0.5"),
        ("2^{n+1}", r"2 \cdot 2^n"),
        ("4^n", "2^{2n}"),
        ("x^{n+1}", r"x \cdot x^n"),
        ("x^{1/3}x^{2/3}", "x"),
        (r"\log_2 8", "3"),
        (r"\log_4 8", r"\frac32"),
        (r"\ln 12", r"2\ln 2+\ln 3"),
        (r"\frac{\log 8}{\log 2}", "3"),
        (r"\ln \frac{e^2}{3}", r"2-\ln 3"),
        (r"e^{\ln 5}", "5"),
        (r"2^{\log_2 5}", "5"),
        (r"e^{i\pi}", "-1"),
        (r"e^{i\pi/3}", r"\frac{1+i\sqrt3}{2}"),
        (r"\binom{6}{3}", "20"),
        ("2|x-3|", "|6-2x|"),
        (r"|1-\sqrt2|", r"\sqrt2-1"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        (r"10^{\frac{\sqrt{13}-5}{6}}", r"10^{\frac{-\sqrt{13}-5}{6}}"),
        (r"10^{\sqrt2}", "25.9545535195527"),
        (r"2^{\sqrt2}", r"2^{\sqrt2}+10^{-60}"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744"),
        (r"\ln 2", "0.693147180559945309417232121458176568"),
        (r"\ln 12", r"\ln 13"),
        (r"e^{\cos\frac{\pi}{7}}", "2.46"),
        ("2^{1/2}", "2^{1/3}"),
        ("x^{1/2}", "x"),
    ] {
        both_ways(one, other, Verdict::NotEqual);
    }
    for (one, other) in [
        (r"\log 100", "2"),
        (r"\log_25 5", "0.5"),
        (r"\sin^22x", r"(\sin x)^{22}"),
        (r"|e^{e^i}|", r"e^{e^i}"),
        (r"\ln e^{e^i}", r"e^i"),
        ("2^n", "3^n"),
        (r"\ln x^2", r"2\ln x"),
        (r"\ln(x^2)", r"2\ln x"),
        ("(-2)^x", "4^{x/2}"),
        (r"\frac{\ln(x^2)-2\ln x}{\ln(x^2)-2\ln x}", "1"),
        (r"|x|", "x"),
    ] {
        both_ways(one, other, Verdict::Undecided);
    }
}

#[test]
fn angles_obey_their_identities() {
    for (one, other) in [
        (r"\tan^2(y)+1", r"\sec^2(y)"),
        (r"\sin^2 x+\cos^2 x", "1"),
        (r"\sin 2x", r"2\sin x\cos x"),
        (r"\cos x", r"1-2\sin^2\frac{x}{2}"),
        (r"\tan(a+b)", r"\frac{\tan a+\tan b}{1-\tan a\tan b}"),
        (r"\cos 3\theta", r"4\cos^3\theta-3\cos\theta"),
        (r"\sin(\pi-x)", r"\sin x"),
        (r"\cot x", r"\frac{1}{\tan x}"),
        (r"\sin 15^\circ", r"\frac{\sqrt6-\sqrt2}{4}"),
        (r"\sin(30^\circ)", r"\frac12"),
        (r"\tan\frac{\pi}{8}", r"\sqrt2-1"),
        (r"\cos 36^\circ", r"\frac{1+\sqrt5}{4}"),
        (r"\sin 10^\circ \sin 50^\circ \sin 70^\circ", r"\frac18"),
        (r"\cos\frac{\pi}{7}-\cos\frac{2\pi}{7}+\cos\frac{3\pi}{7}", r"\frac12"),
        (r"4\arctan\frac15", r"4\arctan 0.2"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        (r"\sin 30", r"\frac12"),
        (r"\cos 36^\circ", "0.80901699437494742410229341718281905886"),
        (r"\sin 10^\circ \sin 50^\circ \sin 70^\circ", r"\frac18+10^{-30}"),
        (r"\cos\frac{\pi}{7}", r"\cos\frac{\pi}{9}"),
        (r"\cos 1", "0.54"),
    ] {
        both_ways(one, other, Verdict::NotEqual);
    }
    for (one, other) in [
        (r"\sin x", r"\cos x"),
        (r"\tan^2 y-1", r"\sec^2 y"),
        (r"\sin 30^\circ", r"\sin 30 \text{ degrees}"),
        (r"\sin x^2", r"\sin(x^2)"),
        (r"\sin x/2", r"\sin(x/2)"),
        (r"\tan 90^\circ", "0"),
        (r"\frac{0}{\cos\frac{\pi}{7}-\cos\frac{2\pi}{7}+\cos\frac{3\pi}{7}-\frac12}", "0"),
        (r"\frac{0}{x(\cos\frac{\pi}{7}-\cos\frac{2\pi}{7}+\cos\frac{3\pi}{7}-\frac12)}", "0"),
    ] {
        both_ways(one, other, Verdict::Undecided);
    }
    // The sine of 30 radians and that of 30 degrees.
    assert_ne!(verdict(r"\sin 30", r"\sin 30^\circ"), Verdict::Equal);
}

#[test]
fn sums_are_equal_whatever_their_index_is_called() {
    for (one, other) in [
        (r"\sum_{k=0}^{n-1} F_k F_{n-k-1}", r"\sum_{k=0}^{n-1} F_{n-k-1} F_k"),
        (r"\sum_{k=1}^{n} k^2", r"\sum_{j=1}^n j^2"),
        (r"\sum_{i=1}^{n} 2i", r"2\sum_{k=1}^{n} k"),
        (r"\sum_{k=1}^n \sum_{j=1}^k kj", r"\sum_{j=1}^n \sum_{k=1}^j jk"),
        ("a_{n-k-1}", "a_{-1-k+n}"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        (r"\sum_{k=1}^{n} k F_k", r"\sum_{j=1}^{n} j F_k"),
        (r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{m} k"),
        (r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{n} n"),
        (r"\sum_{k=1}^n \sum_{j=1}^k kj", r"\sum_{j=1}^n \sum_{k=1}^k jk"),
        (r"\sum_{k=1}^{n} k+1", r"1+\sum_{k=1}^{n} k"),
        ("a_{i^2}", "a_{-1}"),
        (r"\frac{\sum_{k=1}^0 k}{\sum_{k=1}^0 k}", "1"),
    ] {
        assert_ne!(verdict(one, other), Verdict::Equal, "{one} {other}");
        assert_ne!(verdict(other, one), Verdict::Equal, "{other} {one}");
    }
    both_ways(r"f(n) = \sum_{k=1}^n k", r"f(m) = \sum_{j=1}^{m} j", Verdict::Equal);
}

#[test]
fn definitions_are_equal_whatever_their_variable_is_called() {
    for (one, other) in [
        ("W(n) = 1", "W(x) = 1"),
        ("f(x) = x^2 + 1", "f(t) = 1 + t^2"),
        ("W(n) = 1 or W(n) = -1", "W(x)=1orW(x)=-1"),
        ("f(x) = x^2", "x^2"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        ("f(x) = x^2", "g(t) = t^2"),
        ("f(x) = xy", "f(y) = xy"),
        ("f(x) = x + y", "f(y) = y + y"),
        ("f(x) = x + y", "f(y) = 2y"),
        ("f(x) = x^2", "f(t) = x^2"),
        ("f(x) = ax", "f(a) = a^2"),
    ] {
        assert_ne!(verdict(one, other), Verdict::Equal, "{one} {other}");
        assert_ne!(verdict(other, one), Verdict::Equal, "{other} {one}");
    }
}

#[test]
fn sums_of_matrices_are_computed() {
    let matrix = |cells: &str| format!(r"\begin{{pmatrix}}{cells}\end{{pmatrix}}");
    let (a, b) = (matrix(r"1 & 2 \\ 3 & 4"), matrix(r"5 & 6 \\ 7 & 8"));
    for (one, other) in [
        (format!("{a} + {b}"), matrix(r"6 & 8 \\ 10 & 12")),
        (format!("{b} - {a}"), matrix(r"4 & 4 \\ 4 & 4")),
        (format!("-{a}"), matrix(r"-1 & -2 \\ -3 & -4")),
        (format!("2 {a}"), matrix(r"2 & 4 \\ 6 & 8")),
        (format!(r"\frac{{1}}{{2}} \cdot {b} + {a}"), matrix(r"3.5 & 5 \\ 6.5 & 8")),
    ] {
        both_ways(&one, &other, Verdict::Equal);
    }
    both_ways(&format!("{a} + {b}"), &matrix(r"6 & 8 \\ 10 & 13"), Verdict::NotEqual);
    for other in [format!("{a} {b}"), format!("{a} + {}", matrix("1 & 2")), format!("{a} + 1")] {
        assert_ne!(verdict(&other, &matrix(r"6 & 8 \\ 10 & 12")), Verdict::Equal, "{other}");
    }
}

#[test]
fn absolute_bounds_are_intervals_of_real_numbers() {
    for (one, other) in [
        (r"1\leq|z|\leq \frac32", r"z \in [-\frac32,-1] \cup [1,\frac32]"),
        ("|x| < 3", "(-3, 3)"),
        ("|x - 3| < 2", "1 < x < 5"),
        (r"|2x - 3| \le 2", r"[\frac12, \frac52]"),
        (r"|3 - x| \ge 2", r"(-\infty, 1] \cup [5, \infty)"),
        ("3 > |x|", "(-3, 3)"),
        ("3 > |x| > 1", r"(-3, -1) \cup (1, 3)"),
        (r"0 < |x| \le \sqrt2", r"[-\sqrt2, 0) \cup (0, \sqrt2]"),
        (r"0 \le |x| < 1", "(-1, 1)"),
    ] {
        both_ways(one, other, Verdict::Equal);
    }
    for (one, other) in [
        (r"1\leq|z|\leq \frac32", r"z \in [-\frac32,-1) \cup [1,\frac32]"),
        (r"1\leq|z|\leq \frac32", r"z \in [1,\frac32]"),
        ("|x| < 3", "[-3, 3]"),
        ("|x| < 3", "|y| < 3"),
        ("|x - 3| < 2", "(-5, -1)"),
        ("|x + y| < 2", "(-2, 2)"),
        ("|x| < -1", "(1, -1)"),
        ("3 < |x| < 1", r"(-1, -3) \cup (3, 1)"),
    ] {
        assert_ne!(verdict(one, other), Verdict::Equal, "{one} {other}");
        assert_ne!(verdict(other, one), Verdict::Equal, "{other} {one}");
    }
}

#[test]
fn hostile_values_end_soon() {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}1+\\sqrt2{}", open.repeat(count), close.repeat(count))
    };
    let series = |term: &str, last: u32| -> String {
        (2..last).map(|n| term.replace('n', &n.to_string())).collect()
    };
    let clock = crate::WallClock::start();
    let zero = r"\sqrt{\sqrt[3]{2+\sqrt5}-\sqrt[3]{\sqrt5-2}-1}";
    for text in [
        nested(r"\sqrt{3+", "}", 60),
        nested(r"\sqrt[3]{7+", "}", 60),
        nested(r"\cos(", ")", 60),
        nested(r"e^{", "}", 60),
        nested(r"\ln(9+", ")", 60),
        nested(r"\sum_{k=1}^{", "}k", 60),
        nested("2^{x+", "}", 60),
        r"\sin^{30}(x+y+z)".repeat(20),
        r"(\sin x+\cos y+\tan z)^{30}".repeat(20),
        format!("0{}", format!("+{zero}").repeat(40)),
        format!("0{}", r"+\sqrt{999999999989}".repeat(200)),
        series(r"+\sqrt[7]{n}", 300),
        series(r"+\sqrt{n+\sqrt{n+1}}", 60),
        series(r"+\cos\frac{\pi}{n}", 99),
        series("+2^{1/n}", 300),
        "10^{10^{10^{10}}}".to_owned(),
        r"10^{10000\sqrt2}".to_owned(),
        r"2^{10000000/3}".to_owned(),
        r"\cos(10^{10000})".to_owned(),
        r"e^{-10^{9}}".to_owned(),
        r"\sum_{k=1}^{10^{9}} k".to_owned(),
        r"(x+1)^{1/16777216}".to_owned(),
    ] {
        let start = clock.now_ns();
        for gold in ["1", r"\sqrt{2}", r"\sin x", &format!("{text}+1")] {
            assert_ne!(verdict(gold, &text), Verdict::Equal, "{gold} {text}");
        }
        let took = Duration::from_nanos(clock.now_ns() - start);
        // A matter of milliseconds; tests are not optimized and share the machine.
        assert!(took < Duration::from_mins(1), "{took:?} for {text}");
    }
}
