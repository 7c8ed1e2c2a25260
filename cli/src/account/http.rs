//! The HTTP client for AWS.

use std::time::Duration;

use aws_smithy_http_client::pool::{Client, ConnectionPool, DriverSpawner, Partition, PartitionId};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use label_lake::aws::clients::{CaBundle, tls_context};

/// Idle time after which TCP probes a connection. A synchronous invocation sends nothing for up to 15 minutes, and a NAT
/// gateway drops a connection after 350 idle seconds: <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html>.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// The only partition of the pool.
const PARTITION: PartitionId = PartitionId::from_index(0);

/// Returns a client that keeps idle connections alive. It trusts the same certificates as the function.
pub(super) fn client(bundle: Option<&CaBundle>) -> anyhow::Result<Client> {
    // The default partition would need another feature of the crate, which the function does not have.
    let spawner = DriverSpawner::from_fn(|connection| drop(tokio::spawn(connection)));
    let pool = ConnectionPool::builder()
        .partitions([Partition::new(PARTITION, spawner)])
        .tcp_keepalive(KEEP_ALIVE)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls_context(bundle)?)
        .build_https()?;
    Ok(Client::from_partition(&pool, PARTITION)?)
}
