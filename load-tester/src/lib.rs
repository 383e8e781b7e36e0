//! Load tester.
