//! Only the road makes the receipt of an ending, and only a receipt makes a farewell.

use adjourn::{Farewell, terminate::Ended};

fn main() {
    let _claimed = Ended {};
    let _unearned: Farewell = ().into();
}
