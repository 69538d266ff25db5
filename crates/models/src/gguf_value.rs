//! A GGUF value: one entry of a GGUF file's metadata, and its conversion to Rust types.

/// A metadata value; the widths of the file's number types are not kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GgufValue {
    /// An unsigned integer of 8 to 64 bits.
    Unsigned(u64),
    /// A signed integer of 8 to 64 bits.
    Signed(i64),
    /// A float of 32 or 64 bits.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Values of one type.
    Array(Vec<Self>),
}

/// A type that metadata values can be read as.
///
/// Integers convert between signs and widths where the value fits; floats are narrowed to `f32`;
/// nothing else converts.
pub trait FromGguf<'a>: Sized {
    /// What the value must be, to be read after "must be".
    const KIND: &'static str;

    /// The value as this type; `None` if it is of another type or does not fit.
    fn from_gguf(value: &'a GgufValue) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromGguf<'_> for $type {
            const KIND: &'static str = concat!("an integer that fits ", stringify!($type));

            fn from_gguf(value: &GgufValue) -> Option<Self> {
                match value {
                    GgufValue::Unsigned(v) => (*v).try_into().ok(),
                    GgufValue::Signed(v) => (*v).try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

integers!(u32, u64, usize, i32, i64);

impl FromGguf<'_> for f64 {
    const KIND: &'static str = "a float";

    fn from_gguf(value: &GgufValue) -> Option<Self> {
        match value {
            GgufValue::Float(v) => Some(*v),
            _ => None,
        }
    }
}

impl FromGguf<'_> for f32 {
    const KIND: &'static str = "a float";

    fn from_gguf(value: &GgufValue) -> Option<Self> {
        f64::from_gguf(value).map(|v| v as Self)
    }
}

impl FromGguf<'_> for bool {
    const KIND: &'static str = "a truth value";

    fn from_gguf(value: &GgufValue) -> Option<Self> {
        match value {
            GgufValue::Bool(v) => Some(*v),
            _ => None,
        }
    }
}

impl<'a> FromGguf<'a> for &'a str {
    const KIND: &'static str = "a string";

    fn from_gguf(value: &'a GgufValue) -> Option<Self> {
        match value {
            GgufValue::Text(v) => Some(v),
            _ => None,
        }
    }
}

impl<'a, T: FromGguf<'a>> FromGguf<'a> for Vec<T> {
    const KIND: &'static str = "an array of the right type";

    fn from_gguf(value: &'a GgufValue) -> Option<Self> {
        match value {
            GgufValue::Array(values) => values.iter().map(T::from_gguf).collect(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_convert_where_they_fit() {
        assert_eq!(u32::from_gguf(&GgufValue::Signed(7)), Some(7));
        assert_eq!(u32::from_gguf(&GgufValue::Signed(-1)), None);
        assert_eq!(i64::from_gguf(&GgufValue::Unsigned(u64::MAX)), None);
        assert_eq!(u32::from_gguf(&GgufValue::Float(1.0)), None);
    }

    #[test]
    fn arrays_convert_as_a_whole() {
        let array =
            GgufValue::Array(vec![GgufValue::Text("a".into()), GgufValue::Text("b".into())]);
        assert_eq!(Vec::<&str>::from_gguf(&array), Some(vec!["a", "b"]));
        assert_eq!(Vec::<u32>::from_gguf(&array), None);
    }
}
