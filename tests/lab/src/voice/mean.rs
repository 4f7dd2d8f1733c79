//! The mean of figures of one shape, whatever shape that is.

use serde_json::{Map, Value};

/// Numbers by their mean, objects key by key; what is no number is left out, and a figure that only
/// some have is the mean over those.
pub(crate) fn mean(all: &[&Value]) -> Value {
    let objects: Vec<_> = all.iter().filter_map(|value| value.as_object()).collect();
    if !objects.is_empty() {
        return Value::Object(mean_of_objects(&objects));
    }
    let numbers: Vec<_> = all.iter().filter_map(|value| value.as_f64()).collect();
    if numbers.is_empty() {
        return Value::Null;
    }
    (numbers.iter().sum::<f64>() / numbers.len() as f64).into()
}

fn mean_of_objects(objects: &[&Map<String, Value>]) -> Map<String, Value> {
    let mut means = Map::new();
    for key in objects.iter().flat_map(|object| object.keys()) {
        if !means.contains_key(key) {
            let values: Vec<_> = objects.iter().filter_map(|object| object.get(key)).collect();
            means.insert(key.clone(), mean(&values));
        }
    }
    means
}
