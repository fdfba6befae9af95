"""
Payloads of ROS messages to Arrow columns, whole batches at a time.

A message definition is compiled once per channel into a *program*: a flat list of steps, each of
which reads one part of all messages of a batch. As long as every message has the same lengths so
far, the place of a step is one number and its bytes are a strided view; from the first differing
length on it is a vector. No loop runs per message.

What becomes of the fields: a message is a struct, also `time` and `duration` (`sec int32 | nanosec
uint32`); an array of numbers is a fixed-size list, a sequence a list, a sequence of uint8, byte or char
`binary`; a string that is not UTF-8 is read as Latin-1, so that no byte of it is lost.

Must not know: recordings, ontologies. Next: `definitions`, `layout`, `rows`, `cursor`, `walk`,
`columns`, `decoder`.
"""
