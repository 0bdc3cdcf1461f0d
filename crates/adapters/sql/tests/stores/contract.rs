//! The store contract, per port and kind of database.

use crate::places::{Kind, Places};
use application::testing::identity_contract as contract;

macro_rules! contract {
    ($($port:ident),* $(,)?) => {
        /// Runs the checks of all ports in sequence.
        pub async fn all(kind: Kind<'_>) {
            $(
                let places = Places::new(kind);
                contract::$port::all(&async || places.stores().await).await;
            )*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $port() {
                let places = super::Places::new(super::Kind::postgres());
                super::contract::$port::all(&async || places.stores().await).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $port() {
                let places = super::Places::new(super::Kind::Sqlite);
                super::contract::$port::all(&async || places.stores().await).await;
            })*
        }
    };
}

contract!(
    admissions,
    audit,
    emails,
    external,
    factors,
    grants,
    groups,
    guard,
    key_uses,
    organisations,
    outbox,
    roles,
    rotation,
    sessions,
    throttle,
    users,
);
