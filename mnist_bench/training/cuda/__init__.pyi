from .device_cache import DeviceCache as DeviceCache
from .graphs import Graphs as Graphs, recorder as recorder, verify_replay as verify_replay
from .static_buffers import Recorder as Recorder, StaticTrainLoop as StaticTrainLoop
from .streams import Streams as Streams, new_stream as new_stream, settled as settled
