"""Tables all the way into a store."""

import mosaico_ingest as mi


def test_rows_and_rejects_add_up(tmp_path):
    """What is stored and what is rejected make what the file declares; rejects are kept beside, with line."""
    rows = [f"{1700000000 + k},{k},0,9.81,0,0,{k}\n" for k in range(300)]
    rows[7] = "1700000007,7\n"
    path = tmp_path / "drive.csv"
    path.write_text("time,ax,ay,az,gx,gy,gz\n" + "".join(rows))

    with (
        mi.serve(tmp_path / "store") as server,
        mi.MosaicoClient.connect(server.host, server.port) as client,
    ):
        report = mi.ingest([path], client=client)
        stored = client.topic_handler("drive", "/drive").read().read_all()
        kept = client.topic_handler("drive", "/drive/_rejected").read().read_all()

    (topic,) = report.recordings[0].topics
    assert (300, 299, 1, 0) == (topic.declared, topic.stored, topic.rejected, topic.lost)
    assert {"2 cells instead of 7": 1} == dict(topic.reasons)
    assert [9.81] * 299 == [row["z"] for row in stored.column("acceleration").to_pylist()]
    assert [(b"1700000007,7", "line 9: 2 cells instead of 7")] == [
        (row["payload"], row["reason"]) for row in kept.to_pylist()
    ]
