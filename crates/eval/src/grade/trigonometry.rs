//! Trigonometric functions, by Euler's formula: sums of powers of e, so that their identities are those of powers.

use super::poly::Beyond;
use super::quotient::Quotient;

/// The function of this name; `None` where there is none.
pub(super) fn trigonometric(name: &str, angle: &Quotient) -> Option<Result<Quotient, Beyond>> {
    let over = |over: &dyn Fn(&Circle) -> Quotient, under: &dyn Fn(&Circle) -> Quotient| {
        circle(angle).and_then(|circle| over(&circle).divide(&under(&circle)))
    };
    let one = |_: &Circle| Quotient::whole(1);
    let (cosine, sine) = (|c: &Circle| c.cosine.clone(), |c: &Circle| c.sine.clone());
    Some(match name {
        "cos" => over(&cosine, &one),
        "sin" => over(&sine, &one),
        "tan" => over(&sine, &cosine),
        "cot" => over(&cosine, &sine),
        "sec" => over(&one, &cosine),
        "csc" => over(&one, &sine),
        _ => return None,
    })
}

struct Circle {
    cosine: Quotient,
    sine: Quotient,
}

fn circle(angle: &Quotient) -> Result<Circle, Beyond> {
    let turned = angle.multiply(&Quotient::imaginary())?;
    let (there, back) = (turned.exponential()?, turned.negate().exponential()?);
    let cosine = there.add(&back)?.divide(&Quotient::whole(2))?;
    let twice = Quotient::imaginary().multiply(&Quotient::whole(2))?;
    let sine = there.add(&back.negate())?.divide(&twice)?;
    Ok(Circle { cosine, sine })
}
