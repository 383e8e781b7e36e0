//! Why a client's bytes were refused, and the close code that tells it so. Raised by the decoder; the connection puts
//! code and text into its Close frame. It never carries the client's bytes.

/// A fault that ends the connection. The text fits into a Close frame (at most 123 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// Clients must mask every frame (RFC 6455, 5.1).
    #[error("frame without a mask")]
    Unmasked,
    /// RSV1 to RSV3 belong to extensions, and none was agreed upon.
    #[error("reserved bits set without an extension")]
    ReservedBits,
    /// Opcodes 3 to 7 and 11 to 15.
    #[error("unknown opcode")]
    UnknownOpcode,
    /// Control frames come in one piece (5.4).
    #[error("fragmented control frame")]
    FragmentedControl,
    /// Control frames carry at most 125 bytes (5.5).
    #[error("control frame longer than 125 bytes")]
    LongControl,
    /// A continuation with nothing to continue.
    #[error("continuation without a message")]
    StrayContinuation,
    /// A text or binary frame before the last fragment of another message.
    #[error("new message inside a fragmented one")]
    InterruptedMessage,
    /// A length in a longer form than it needs (5.2).
    #[error("length not in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit length of 2^63 or more (5.2).
    #[error("length with its top bit set")]
    LengthTopBit,
    /// A Close body holds nothing, or at least a code of two bytes (5.5.1).
    #[error("close body of one byte")]
    CloseBody,
    /// A code that may not stand in a Close frame (7.4).
    #[error("invalid close code")]
    CloseCode,
    /// The reason in a Close frame.
    #[error("close reason is not UTF-8")]
    ReasonNotUtf8,
    /// A text message; found at the end of the frame that is at fault.
    #[error("text is not UTF-8")]
    TextNotUtf8,
    /// Found in the frame's head, before any of its payload is kept.
    #[error("message larger than limits.message_bytes")]
    MessageTooBig,
    /// More than [`FRAGMENTS_MAX`](super::FRAGMENTS_MAX) frames for one message, whatever their size.
    #[error("message in too many fragments")]
    TooManyFragments,
}

impl DecodeError {
    /// The code for the Close frame that answers this.
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::Unmasked
            | Self::ReservedBits
            | Self::UnknownOpcode
            | Self::FragmentedControl
            | Self::LongControl
            | Self::StrayContinuation
            | Self::InterruptedMessage
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::CloseBody
            | Self::CloseCode => 1002,
            Self::ReasonNotUtf8 | Self::TextNotUtf8 => 1007,
            Self::TooManyFragments => 1008,
            Self::MessageTooBig => 1009,
        }
    }
}
