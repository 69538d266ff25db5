//! Maps of few entries: sorted vectors, which are copied and compared without a tree's nodes.

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sorted<K, V>(Vec<(K, V)>);

impl<K: Ord, V> Sorted<K, V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn one(key: K, value: V) -> Self {
        Self(vec![(key, value)])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn first(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Puts a value in, or what it makes of the one that is there.
    pub(super) fn put(&mut self, key: K, value: V, together: impl FnOnce(&V, &V) -> V) {
        match self.at(&key) {
            Ok(at) => self.0[at].1 = together(&self.0[at].1, &value),
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.at(key).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    /// The same keys with other values.
    pub(super) fn map(&self, value: impl Fn(&V) -> V) -> Self
    where
        K: Clone,
    {
        Self(self.0.iter().map(|(key, old)| (key.clone(), value(old))).collect())
    }

    fn at(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| own.cmp(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sorted_vector_is_a_map(steps in prop::collection::vec((0_u8..20, -3_i32..4), 0..60)) {
            let (mut sorted, mut map) = (Sorted::new(), BTreeMap::new());
            for (key, value) in steps {
                if value == 0 {
                    prop_assert_eq!(sorted.remove(&key), map.remove(&key));
                } else {
                    sorted.put(key, value, |old, new| old + new);
                    *map.entry(key).or_insert(0) += value;
                }
                prop_assert!(sorted.iter().eq(map.iter()));
                prop_assert_eq!((sorted.first(), sorted.len()), (map.first_key_value(), map.len()));
            }
        }
    }
}
