//! Takes the client's masking off, in place (RFC 6455, 5.3). Called by the decoder for every frame that is whole; it
//! neither copies nor allocates.

/// XORs `payload` with the repeated `key`; the first byte of `payload` meets the first of `key`.
pub(super) fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;

    #[test]
    fn equals_the_formula_of_the_rfc_at_every_length() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..300_u16).map(|i| (i * 7) as u8).collect();
        for len in 0..plain.len() {
            let mut masked = plain[..len].to_vec();
            unmask(&mut masked, key);
            let formula: Vec<u8> =
                plain[..len].iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            assert_eq!(masked, formula, "{len} bytes");
        }
    }
}
