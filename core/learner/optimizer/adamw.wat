;; One stretch of AdamW (arXiv:1711.05101), four numbers at a time, in float32.
;; Memory: parameters, gradients, first and second moments, 65,536 bytes each, one after the other.
(module
  (memory (export "memory") 4)
  ;; Returns 0, or NaN when an entry of the parameters is not finite afterwards.
  (func (export "update")
    (param $bytes i32) (param $scale f32) (param $beta1 f32) (param $rest1 f32) (param $beta2 f32) (param $rest2 f32)
    (param $step f32) (param $root f32) (param $epsilon f32) (param $keep f32) (result f32)
    (local $at i32) (local $g v128) (local $m v128) (local $v v128) (local $p v128) (local $spoilt v128)
    (loop $next
      (local.set $g (f32x4.mul (v128.load offset=65536 (local.get $at)) (f32x4.splat (local.get $scale))))
      (local.set $m (f32x4.add
        (f32x4.mul (v128.load offset=131072 (local.get $at)) (f32x4.splat (local.get $beta1)))
        (f32x4.mul (local.get $g) (f32x4.splat (local.get $rest1)))))
      (local.set $v (f32x4.add
        (f32x4.mul (v128.load offset=196608 (local.get $at)) (f32x4.splat (local.get $beta2)))
        (f32x4.mul (f32x4.mul (local.get $g) (local.get $g)) (f32x4.splat (local.get $rest2)))))
      (local.set $p (f32x4.sub
        (f32x4.mul (v128.load (local.get $at)) (f32x4.splat (local.get $keep)))
        (f32x4.div
          (f32x4.mul (f32x4.splat (local.get $step)) (local.get $m))
          (f32x4.add (f32x4.mul (f32x4.sqrt (local.get $v)) (f32x4.splat (local.get $root))) (f32x4.splat (local.get $epsilon))))))
      (v128.store offset=131072 (local.get $at) (local.get $m))
      (v128.store offset=196608 (local.get $at) (local.get $v))
      (v128.store (local.get $at) (local.get $p))
      (local.set $spoilt (f32x4.add (local.get $spoilt) (f32x4.mul (local.get $p) (f32x4.splat (f32.const 0)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $bytes))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $spoilt)) (f32x4.extract_lane 1 (local.get $spoilt)))
      (f32.add (f32x4.extract_lane 2 (local.get $spoilt)) (f32x4.extract_lane 3 (local.get $spoilt))))))
