//! Only the road makes the receipt of an ending: none is built, and none made into another.

use adjourn::terminate::Ended;

fn forged(real: Ended) -> Ended {
    Ended { id: None, ..real } //~ E0451
}

fn main() {
    let _forged = forged;
}
