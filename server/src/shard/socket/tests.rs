use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use super::*;

fn config(bind: &str, batching: Batching) -> SocketConfig {
    SocketConfig {
        bind: bind.parse().unwrap(),
        receive_buffer: 1 << 20,
        send_buffer: 1 << 20,
        batching,
    }
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// Receives until `count` datagrams came, and gives each with its path.
fn take(socket: &mut Socket, inbox: &mut Inbox, count: usize) -> Vec<(Path, Vec<u8>)> {
    let give_up = Instant::now() + Duration::from_secs(5);
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(Instant::now() < give_up, "{} of {count} datagrams came", taken.len());
        let messages = socket.receive(inbox).unwrap();
        for index in 0..messages {
            let received = inbox.get(index).unwrap();
            assert!(!received.truncated);
            for datagram in received.bytes.chunks(received.segment) {
                taken.push((received.path, datagram.to_vec()));
            }
        }
    }
    taken
}

/// Packets whose sizes make runs, run ends, growing sizes and more than one run's worth.
fn mixed_packets() -> Vec<Vec<u8>> {
    let sizes = [200, 200, 200, 90, 200, 300, 300, 1, 1500, 1500, 1499, 60];
    let long = std::iter::repeat_n(700, 150);
    sizes
        .into_iter()
        .chain(long)
        .enumerate()
        .map(|(index, size)| (0..size).map(|at| (index * 7 + at) as u8).collect())
        .collect()
}

/// Sends the mixed packets to two clients in turn and gives what each got.
fn send_mixed(batching: Batching) -> (Vec<Vec<u8>>, Sent) {
    let mut socket = Socket::bind(&config("127.0.0.1:0", batching)).unwrap();
    let mut outbox = Outbox::new(socket.segments());
    let client = client();
    let to = Path { local: socket.local(), remote: client.local_addr().unwrap() };
    let mut got = Vec::new();
    let mut total = Sent::default();
    let mut buffer = [0; 2000];
    let mut flush = |outbox: &mut Outbox, expected: usize| {
        let sent = socket.send(outbox);
        total.packets += sent.packets;
        total.messages += sent.messages;
        for _ in 0..expected {
            let (len, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(from, to.local);
            got.push(buffer[..len].to_vec());
        }
    };
    let mut waiting = 0;
    for packet in mixed_packets() {
        // What a receive buffer of the usual size holds.
        if outbox.is_full() || waiting == 80 {
            flush(&mut outbox, waiting);
            waiting = 0;
        }
        outbox.address(to);
        outbox.tail()[..packet.len()].copy_from_slice(&packet);
        outbox.commit(packet.len());
        waiting += 1;
    }
    flush(&mut outbox, waiting);
    (got, total)
}

#[test]
fn every_way_to_send_delivers_the_same_bytes_in_the_same_order() {
    let (single, sent) = send_mixed(Batching::Single);
    assert_eq!(single, mixed_packets());
    assert_eq!(sent.messages, sent.packets);

    let (messages, sent) = send_mixed(Batching::Messages);
    assert_eq!(messages, single);
    assert_eq!(sent.messages, sent.packets);

    let (segments, sent) = send_mixed(Batching::Segments);
    assert_eq!(segments, single);
    assert!(sent.messages * 4 < sent.packets, "runs were made: {sent:?}");
}

#[test]
fn every_way_to_receive_gives_the_same_datagrams() {
    let check = |batching| {
        let mut socket = Socket::bind(&config("127.0.0.1:0", batching)).unwrap();
        let mut sender = Socket::bind(&config("127.0.0.1:0", Batching::Segments)).unwrap();
        let mut outbox = Outbox::new(sender.segments());
        let to = Path { local: sender.local(), remote: socket.local() };
        let packets = &mixed_packets()[..100];
        for packet in packets {
            outbox.push(to, packet);
        }
        assert_eq!(sender.send(&mut outbox).packets, 100);
        let got = take(&mut socket, &mut Inbox::new(), 100);
        for ((path, bytes), expected) in got.iter().zip(packets) {
            assert_eq!(bytes, expected);
            assert_eq!(*path, Path { local: to.remote, remote: to.local });
        }
    };
    check(Batching::Single);
    check(Batching::Messages);
    check(Batching::Segments);
}

#[test]
fn a_socket_on_all_addresses_answers_from_the_address_that_was_hit() {
    for bind in ["0.0.0.0:0", "[::]:0"] {
        let mut socket = Socket::bind(&config(bind, Batching::Segments)).unwrap();
        let hit = SocketAddr::from(([127, 0, 0, 7], socket.local().port()));
        let client = client();
        client.send_to(b"question", hit).unwrap();
        let got = take(&mut socket, &mut Inbox::new(), 1);
        let path = Path { local: hit, remote: client.local_addr().unwrap() };
        assert_eq!(got, [(path, b"question".to_vec())], "bound to {bind}");

        let mut outbox = Outbox::new(socket.segments());
        outbox.push(path, b"answer");
        outbox.push(path, b"more");
        assert_eq!(socket.send(&mut outbox).packets, 2);
        let mut buffer = [0; 100];
        let (len, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from), (&b"answer"[..], hit), "bound to {bind}");
        let (len, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from), (&b"more"[..], hit), "bound to {bind}");
    }
}

#[test]
fn a_refused_destination_costs_only_its_own_packets() {
    let mut socket = Socket::bind(&config("127.0.0.1:0", Batching::Segments)).unwrap();
    let mut outbox = Outbox::new(socket.segments());
    let client = client();
    let good = Path { local: socket.local(), remote: client.local_addr().unwrap() };
    // A socket of IPv4 cannot send to IPv6.
    let bad = Path { local: socket.local(), remote: "[::1]:9".parse().unwrap() };
    outbox.push(bad, b"one");
    outbox.push(good, b"two");
    outbox.push(bad, b"three");
    let sent = socket.send(&mut outbox);
    assert_eq!((sent.packets, sent.refused), (1, 2));
    let mut buffer = [0; 100];
    assert_eq!(client.recv(&mut buffer).unwrap(), 3);
}

#[test]
fn runs_keep_to_the_limits_of_the_kernel() {
    let mut outbox = Outbox::new(true);
    let path =
        Path { local: "127.0.0.1:1".parse().unwrap(), remote: "127.0.0.1:2".parse().unwrap() };
    for _ in 0..120 {
        outbox.push(path, &[0; 1200]);
    }
    let (_, runs, _) = outbox.parts();
    assert!(runs.iter().all(|run| run.len <= 65_507 && run.packets <= 64));
    assert_eq!(runs.iter().map(|run| usize::from(run.packets)).sum::<usize>(), 120);
}

#[test]
fn an_outbox_without_an_address_or_room_takes_nothing() {
    let mut outbox = Outbox::new(true);
    outbox.commit(10);
    assert!(outbox.is_empty());
    let path =
        Path { local: "127.0.0.1:1".parse().unwrap(), remote: "127.0.0.1:2".parse().unwrap() };
    while !outbox.is_full() {
        outbox.push(path, &[0; 1400]);
    }
    let before = outbox.parts().1.len();
    outbox.push(path, &[0; 1400]);
    outbox.push(path, &[0; 4000]);
    assert_eq!(outbox.parts().1.len(), before);
}
