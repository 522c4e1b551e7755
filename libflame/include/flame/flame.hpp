/// All of flame.
#pragma once

#include "flame/backend.hpp"
#include "flame/call.hpp"
#include "flame/child_ref.hpp"
#include "flame/codec.hpp"
#include "flame/config.hpp"
#include "flame/error.hpp"
#include "flame/function.hpp"
#include "flame/map.hpp"
#include "flame/node.hpp"
#include "flame/options.hpp"
#include "flame/place.hpp"
#include "flame/pool.hpp"
#include "flame/run.hpp"
#include "flame/stream.hpp"
#include "flame/supervisor.hpp"
#include "flame/track.hpp"
