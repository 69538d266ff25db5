//! Functions as they are written: `\sin^2 2x`, `\log_2 8`, `\sum_{k=1}^{n} k^2`. What may be read in two ways is not.

use num_traits::{One, Signed, Zero};

use super::lex::{Kind, Token};
use super::monomial::Function;
use super::parse::Parser;
use super::poly::Beyond;
use super::quotient::Quotient;
use super::trigonometry::trigonometric;

const TRIGONOMETRIC: [&str; 6] = ["sin", "cos", "tan", "cot", "sec", "csc"];
const INVERSE: [&str; 3] = ["arcsin", "arccos", "arctan"];
const LETTERS: [&str; 18] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "varepsilon",
    "theta",
    "lambda",
    "mu",
    "nu",
    "rho",
    "sigma",
    "tau",
    "phi",
    "varphi",
    "psi",
    "omega",
    "Omega",
];

/// Whether a token names a function of an angle.
pub(super) fn is_trigonometric(token: &Token) -> bool {
    matches!(token.kind, Kind::Word | Kind::Command) && TRIGONOMETRIC.contains(&token.text.as_str())
}

/// Whether a token names a function that is read here.
pub(super) fn is_function(token: &Token) -> bool {
    let name = token.text.as_str();
    matches!(token.kind, Kind::Word | Kind::Command)
        && (is_trigonometric(token)
            || INVERSE.contains(&name)
            || matches!(name, "ln" | "log" | "exp"))
        || token.is_command("sum")
}

/// Whether a command is a Greek letter, which is a name.
pub(super) fn is_letter(token: &Token) -> bool {
    token.kind == Kind::Command && LETTERS.contains(&token.text.as_str())
}

impl Parser<'_> {
    /// The function whose name was taken.
    pub(super) fn call(&mut self, name: &str) -> Result<Quotient, Beyond> {
        if name == "sum" {
            return self.series();
        }
        let base = if name == "log" && self.take('_') { Some(self.script()?) } else { None };
        let exponent = if self.take('^') { Some(self.script()?) } else { None };
        let angles = TRIGONOMETRIC.contains(&name);
        let outer = std::mem::replace(&mut self.angles, angles);
        let argument = self.function_argument();
        self.angles = outer;
        let argument = argument?;
        let value = match name {
            "exp" => argument.exponential()?,
            "ln" => argument.logarithm()?,
            "log" => {
                // Without a base it is any: no name of an answer has a space.
                let base = base.unwrap_or_else(|| Quotient::name("base of log"));
                argument.logarithm()?.divide(&base.logarithm()?)?
            }
            _ => match trigonometric(name, &argument) {
                Some(value) => value?,
                None => Quotient::function(Function::Inverse(name.to_owned()), &[argument])?,
            },
        };
        match exponent {
            None => Ok(value),
            // sin⁻¹ is another function.
            Some(exponent)
                if exponent.constant().is_some_and(|n| n.is_integer() && n.is_positive()) =>
            {
                value.power(&exponent)
            }
            Some(_) => Err(Beyond),
        }
    }

    /// What stands below or above a function's name. Digits without braces may belong to what follows.
    fn script(&mut self) -> Result<Quotient, Beyond> {
        let long = |token: &Token| {
            matches!(token.kind, Kind::Number { .. } | Kind::Word) && token.text.chars().count() > 1
        };
        if self.peek().is_some_and(long) { Err(Beyond) } else { self.atom() }
    }

    /// What a function is applied to: brackets, or factors without operators.
    fn function_argument(&mut self) -> Result<Quotient, Beyond> {
        let ends = |parser: &Self, symbols: &str| {
            parser.peek().is_some_and(|next| symbols.chars().any(|symbol| next.is(symbol)))
        };
        if ends(self, "(") {
            let inside = self.atom()?;
            return if ends(self, "^!°") { Err(Beyond) } else { Ok(inside) };
        }
        let mut product = self.argument_factor()?;
        while let Some(next) = self.peek() {
            let named = next.kind == Kind::Word || is_letter(next);
            let simple = next.is_command("frac") || next.is_command("sqrt") || next.is('{');
            if is_function(next) || !named && !simple {
                break;
            }
            product = product.multiply(&self.argument_factor()?)?;
        }
        let times_function =
            ends(self, "*") && self.tokens.get(self.at + 1).is_some_and(is_function);
        // `\sin x / 2` and `\sin x(y)` may mean either.
        if ends(self, "(/^!°_") || ends(self, "*") && !times_function {
            return Err(Beyond);
        }
        Ok(product)
    }

    fn argument_factor(&mut self) -> Result<Quotient, Beyond> {
        let factor = self.atom()?;
        if self.peek().is_some_and(|next| next.is('^') || next.is('!')) {
            return Err(Beyond);
        }
        self.in_degrees(factor)
    }

    /// An angle in degrees where a sign of degrees follows it.
    pub(super) fn in_degrees(&mut self, value: Quotient) -> Result<Quotient, Beyond> {
        if !self.angles || !self.take('°') {
            return Ok(value);
        }
        value.multiply(&Quotient::name("π"))?.divide(&Quotient::whole(180))
    }

    /// `\sum_{k=1}^{n} …`: its index has no name of its own, and numbers stand before it.
    fn series(&mut self) -> Result<Quotient, Beyond> {
        self.expect('_')?;
        self.expect('{')?;
        let index = self.peek().filter(|token| token.kind == Kind::Word).ok_or(Beyond)?;
        let mut letters = index.text.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { return Err(Beyond) };
        self.at += 1;
        self.expect('=')?;
        let from = self.sum()?;
        self.expect('}')?;
        self.expect('^')?;
        let to = self.atom()?;
        self.bound.push(letter);
        let member = self.product();
        self.bound.pop();
        let member = member?;
        // Whether what is added belongs to each member is not said.
        if self.peek().is_some_and(|next| next.is('+') || next.is('-')) {
            return Err(Beyond);
        }
        if member.over.is_zero() {
            return Ok(Quotient::whole(0));
        }
        let (content, primitive) = member.over.primitive();
        let member = Quotient { over: primitive, under: member.under };
        Quotient::function(Function::Series, &[from, to, member])?
            .multiply(&Quotient::rational(content))
    }

    /// The name of a letter: that of its depth where a sum binds it.
    pub(super) fn letter(&self, letter: char) -> Quotient {
        match self.bound.iter().rposition(|bound| *bound == letter) {
            Some(depth) => Quotient::name(&format!("#{depth}")),
            None if letter == 'i' && !self.subscript => Quotient::imaginary(),
            None => Quotient::name(&letter.to_string()),
        }
    }

    /// `x_1`, `x_{1}` and `x_n`: one name; `F_{n-k}`: the member of a sequence.
    pub(super) fn subscripted(&mut self, word: &str) -> Result<Quotient, Beyond> {
        self.expect('_')?;
        if word.chars().count() != 1 {
            return Err(Beyond);
        }
        let start = self.at;
        let braced = self.take('{');
        let token = self.peek().ok_or(Beyond)?;
        let is_bound = |text: &str| text.chars().any(|letter| self.bound.contains(&letter));
        let simple = match token.kind {
            Kind::Number { places: None, .. } => true,
            Kind::Word => !is_bound(&token.text),
            _ => false,
        };
        self.at += 1;
        if simple && (!braced || self.take('}')) {
            return Ok(Quotient::name(&format!("{word}_{}", token.text)));
        }
        self.at = start;
        if self.bound.iter().any(|bound| word.starts_with(*bound)) {
            return Err(Beyond);
        }
        let outer = std::mem::replace(&mut self.subscript, true);
        let index = self.atom();
        self.subscript = outer;
        Quotient::function(Function::Member(word.to_owned()), &[index?])
    }
}

/// The number of ways to choose so many of so many.
pub(super) fn choose(all: &Quotient, some: &Quotient) -> Result<Quotient, Beyond> {
    use num_rational::BigRational;
    const MOST: i64 = 200;
    let whole = |value: &Quotient| value.constant().filter(BigRational::is_integer).ok_or(Beyond);
    let (all, some) = (whole(all)?, whole(some)?);
    if some.is_negative() || some > all || all > BigRational::from_integer(MOST.into()) {
        return Err(Beyond);
    }
    let mut ways = BigRational::one();
    let mut at = BigRational::zero();
    while at < some {
        ways = ways * (&all - &at) / (&at + BigRational::one());
        at += BigRational::one();
    }
    Ok(Quotient::rational(ways))
}
