//! The operator of the simulated cluster: adds and removes members through the HTTP API, with retries.

use crate::client::SimCaller;
use proof::{Caller as _, Request};
use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// Interval of the checks for orders, and pause before a retry.
const LOOK: Duration = Duration::from_millis(20);
const BREATH: Duration = Duration::from_millis(250);

/// An order for the operator; machines by number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Transfer leadership to another member. Tried once.
    Transfer,
    Add(usize),
    Remove(usize),
}

/// The orders and their results.
#[derive(Debug, Default)]
pub struct Desk {
    orders: RefCell<VecDeque<Order>>,
    done: RefCell<Vec<(Order, u16)>>,
    /// The result of the last attempt.
    pub last: RefCell<String>,
}

impl Desk {
    pub fn ask(&self, order: Order) {
        self.orders.borrow_mut().push_back(order);
    }

    /// Takes the completed orders, each with its last status.
    pub fn take_done(&self) -> Vec<(Order, u16)> {
        self.done.borrow_mut().split_off(0)
    }

    /// Whether no order is pending and no result is left.
    pub fn idle(&self) -> bool {
        self.orders.borrow().is_empty() && self.done.borrow().is_empty()
    }
}

/// Executes orders in sequence; `members` are the requests that add each machine.
pub async fn operate(desk: Rc<Desk>, callers: Vec<SimCaller>, members: Vec<Value>, mut random: StdRng) {
    loop {
        let next = desk.orders.borrow().front().copied();
        let Some(order) = next else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        let caller = &callers[random.random_range(0..callers.len())];
        let answer = caller.call(request(order, &members)).await;
        *desk.last.borrow_mut() = format!("{order:?} at {}: {answer:?}", caller.host);
        let status = answer.map_or(0, |answer| answer.status);
        let done = match order {
            Order::Transfer => true,
            Order::Add(_) => matches!(status, 200 | 201),
            // An earlier attempt without a response may have succeeded.
            Order::Remove(_) => matches!(status, 204 | 404),
        };
        if done {
            desk.done.borrow_mut().push((order, status));
            desk.orders.borrow_mut().pop_front();
        } else {
            tokio::time::sleep(BREATH).await;
        }
    }
}

fn request(order: Order, members: &[Value]) -> Request {
    match order {
        Order::Transfer => {
            Request { body: Some(json!({})), ..Request::new("POST", "/api/v1/cluster/leadership-transfer") }
        }
        Order::Add(number) => {
            Request { body: Some(members[number].clone()), ..Request::new("POST", "/api/v1/cluster/members") }
        }
        Order::Remove(number) => {
            let id = members[number]["id"].as_str().unwrap_or_default();
            Request::new("DELETE", format!("/api/v1/cluster/members/{id}"))
        }
    }
}
