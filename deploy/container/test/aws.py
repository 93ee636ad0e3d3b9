"""Stands where AWS is, for a program that is told nothing about it: answers every name with this
machine, and TLS on port 443 with a certificate for AWS's names, before a simulated AWS over HTTP.

    aws.py CERTIFICATE KEY PORT     PORT: of the simulated AWS on 127.0.0.1

It is run in a network namespace of its own, where nothing else is.
"""

import asyncio
import ssl
import sys

HOME = "127.0.0.1"
TYPE_A = b"\x00\x01"


class Names(asyncio.DatagramProtocol):
    """A name server that knows one address."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, peer):
        end = 12
        while query[end]:
            end += query[end] + 1
        question = query[12 : end + 5]
        answers = []
        if question[-4:-2] == TYPE_A:
            address = bytes(map(int, HOME.split(".")))
            answers = [b"\xc0\x0c" + question[-4:] + b"\x00\x00\x00\x3c\x00\x04" + address]
        counts = b"\x00\x01" + len(answers).to_bytes(2, "big") + b"\x00\x00\x00\x00"
        self.transport.sendto(query[:2] + b"\x81\x80" + counts + question + b"".join(answers), peer)


async def pour(source, sink):
    try:
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        sink.close()


async def main(certificate, key, port):
    async def converse(reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection(HOME, int(port))
        await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer))

    await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=(HOME, 53))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(converse, HOME, 443, ssl=context)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
