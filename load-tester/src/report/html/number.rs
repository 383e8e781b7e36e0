//! Numbers as people read them. Pure.

/// `value` with so many significant digits, thousands set apart, never with an exponent.
#[must_use]
pub fn significant(value: f64, digits: u32) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // The exponent after rounding: 0.0999… is 0.100 with three digits, not 0.0999.
    let rounded = format!("{value:.*e}", digits.max(1) as usize - 1);
    let exponent = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok());
    let places = digits.max(1).cast_signed() - 1 - exponent.unwrap_or(0);
    let places = places.clamp(0, 6) as usize;
    let text = format!("{value:.places$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.is_empty() { thousands(whole) } else { format!("{}.{fraction}", thousands(whole)) }
}

/// A count, thousands set apart.
#[must_use]
pub fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// A length of time, given in µs, in the unit that fits.
#[must_use]
pub fn time(us: f64) -> String {
    match us.abs() {
        size if !size.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        size if size < 999.5 => format!("{} µs", significant(us, 3)),
        size if size < 999_500.0 => format!("{} ms", significant(us / 1e3, 3)),
        _ => format!("{} s", significant(us / 1e6, 3)),
    }
}

/// A part, as percent.
#[must_use]
pub fn percent(part: f64) -> String {
    format!("{} %", significant(part * 100.0, 2))
}

fn thousands(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (0.5, "0.500"),
            (0.099_999_9, "0.100"),
            (12.345, "12.3"),
            (505.31, "505"),
            (1_234_567.8, "1,234,568"),
            (-1234.5, "-1,234"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(significant(value, 3), text);
        }
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(time(0.0), "0");
        assert_eq!(time(312.0), "312 µs");
        assert_eq!(time(1_240.0), "1.24 ms");
        assert_eq!(time(2_310_000.0), "2.31 s");
    }
}
