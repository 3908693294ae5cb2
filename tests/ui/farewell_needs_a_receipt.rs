//! Only a receipt makes a farewell.

use adjourn::Farewell;

fn main() {
    let _unearned: Farewell = ().into(); //~ E0277
}
